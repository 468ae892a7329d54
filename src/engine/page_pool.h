// Pages of the KV cache by number, reference-counted. Knows nothing of what they hold.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace holdfast {

// Not thread-safe: the engine thread owns it.
class PagePool {
 public:
  explicit PagePool(int32_t pages);

  int32_t total() const { return static_cast<int32_t>(references_.size()); }
  int32_t free() const { return static_cast<int32_t>(free_.size()); }
  int32_t references(int32_t page) const { return references_[page]; }

  // A free page with one reference, or nothing.
  std::optional<int32_t> allocate();
  void retain(int32_t page);
  // Returns how many references are left; a page without any is free again.
  int32_t release(int32_t page);

 private:
  std::vector<int32_t> references_;  // of each page
  std::vector<int32_t> free_;        // the last one goes first: it is the warmest
};

}  // namespace holdfast
