// Large anonymous memory, in huge pages where the system has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace holdfast::cpu {

// Zeroed pages; CHECKs when the system has none left (callers size what users can ask for before).
std::byte* allocate_pages(int64_t bytes);
// The same, or null.
std::byte* try_allocate_pages(int64_t bytes);
void free_pages(std::byte* data, int64_t bytes);

// Memory for many pieces that live about as long as each other, the weights of a model, cut from
// slabs of huge pages: most matrices alone are too small for whole ones, and read at full speed
// only where a page is larger than what is fetched ahead. Not thread-safe.
class Slabs {
 public:
  // Zeroed, aligned to 64 bytes; null without memory. The slab goes with its last piece.
  std::shared_ptr<std::byte> allocate(int64_t bytes);

 private:
  std::shared_ptr<std::byte> slab_;
  int64_t size_ = 0, used_ = 0;
};

}  // namespace holdfast::cpu
