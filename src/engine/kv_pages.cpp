#include "engine/kv_pages.h"

#include "base/check.h"

namespace holdfast {

KvPages::KvPages(KvCache& cache)
    : cache_(cache),
      page_tokens_(cache.spec().page_tokens),
      pool_(cache.spec().pages),
      tree_(pool_, page_tokens_) {}

bool KvPages::allocate(int32_t* page) {
  auto got = pool_.allocate();
  if (!got && tree_.evict()) got = pool_.allocate();
  if (!got) return false;
  *page = *got;
  return true;
}

KvPages::Known KvPages::look_up(std::string_view salt, std::span<const int32_t> tokens) {
  const auto match = tree_.find(salt, tokens.first(tokens.size() - 1));
  const auto whole = static_cast<int32_t>(match.pages.size());
  return {whole * page_tokens_,
          pages_for(static_cast<int64_t>(tokens.size())) - whole + match.unheld};
}

int32_t KvPages::attach(PageTable& table, std::string_view salt, std::span<const int32_t> tokens) {
  CHECK(!table.attached) << "attached twice";
  const auto match = tree_.find(salt, tokens.first(tokens.size() - 1));
  for (const int32_t page : match.pages) tree_.retain(page);
  table.pages = match.pages;
  table.published = static_cast<int32_t>(match.pages.size());
  table.cursor = match.cursor;
  table.attached = true;
  int32_t cached = table.published * page_tokens_;

  if (match.tail_page >= 0) {  // copy-on-write: held while the copy's page is found
    tree_.retain(match.tail_page);
    int32_t copy = -1;
    if (allocate(&copy)) {
      cache_.copy_page(match.tail_page, copy, match.tail_tokens);
      table.pages.push_back(copy);
      cached += match.tail_tokens;
    }
    tree_.release(match.tail_page);
  }
  CHECK(grow(table, static_cast<int64_t>(tokens.size())))
      << "attach without enough pages: " << available();
  return cached;
}

bool KvPages::grow(PageTable& table, int64_t tokens) {
  const auto wanted = static_cast<size_t>(pages_for(tokens));
  while (table.pages.size() < wanted) {
    int32_t page = -1;
    if (!allocate(&page)) return false;
    table.pages.push_back(page);
  }
  return true;
}

void KvPages::publish(PageTable& table, std::span<const int32_t> history, int32_t cached,
                      bool tail) {
  CHECK(static_cast<size_t>(cached) <= history.size()) << cached << " cached";
  const auto known = history.first(cached);
  while ((table.published + 1) * page_tokens_ <= cached) {
    int32_t& page = table.pages[table.published];
    page = tree_.insert(table.cursor, known.subspan(table.published * page_tokens_, page_tokens_),
                        page);
    ++table.published;
  }
  const auto rest = known.subspan(table.published * page_tokens_);
  if (tail && !rest.empty()) tree_.insert_tail(table.cursor, rest, table.pages[table.published]);
}

void KvPages::release(PageTable& table) {
  // Last to first: see the tree's reference rule.
  for (size_t i = table.pages.size(); i-- > 0;) tree_.release(table.pages[i]);
  table = {};
}

}  // namespace holdfast
