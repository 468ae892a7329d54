#include "engine/page_pool.h"

#include "base/check.h"

namespace holdfast {

PagePool::PagePool(int32_t pages) : references_(pages, 0) {
  free_.reserve(pages);
  for (int32_t page = pages - 1; page >= 0; --page) free_.push_back(page);
}

std::optional<int32_t> PagePool::allocate() {
  if (free_.empty()) return std::nullopt;
  const int32_t page = free_.back();
  free_.pop_back();
  references_[page] = 1;
  return page;
}

void PagePool::retain(int32_t page) {
  CHECK(references_[page] > 0) << "page " << page << " is free";
  ++references_[page];
}

int32_t PagePool::release(int32_t page) {
  CHECK(references_[page] > 0) << "page " << page << " is free already";
  if (--references_[page] == 0) free_.push_back(page);
  return references_[page];
}

}  // namespace holdfast
