#include "backend/cpu/arena.h"

#include <algorithm>

#include "backend/cpu/memory.h"

namespace holdfast::cpu {
namespace {

constexpr int64_t kFirstBlock = int64_t{1} << 20;

}  // namespace

Arena::~Arena() {
  for (const Block& block : blocks_) free_pages(block.data, block.size);
}

void* Arena::allocate(int64_t bytes) {
  bytes = (bytes + 63) / 64 * 64;
  while (current_ < blocks_.size() && used_ + bytes > blocks_[current_].size) {
    ++current_;
    used_ = 0;
  }
  if (current_ == blocks_.size()) {
    const int64_t last = blocks_.empty() ? kFirstBlock / 2 : blocks_.back().size;
    const int64_t size = std::max(bytes, 2 * last);
    blocks_.push_back({allocate_pages(size), size});
    used_ = 0;
  }
  void* result = blocks_[current_].data + used_;
  used_ += bytes;
  return result;
}

void Arena::reset() {
  if (blocks_.size() > 1) {
    int64_t total = 0;
    for (const Block& block : blocks_) {
      total += block.size;
      free_pages(block.data, block.size);
    }
    blocks_.assign(1, {allocate_pages(total), total});
  }
  current_ = 0;
  used_ = 0;
}

}  // namespace holdfast::cpu
