#include "backend/cpu/memory.h"

#include <algorithm>

#include <sys/mman.h>

#include "base/check.h"
#include "base/secret.h"
#include "base/secret_memory.h"

namespace holdfast::cpu {
namespace {

constexpr int64_t kHugePage = int64_t{2} << 20;
constexpr uintptr_t kPage = 4096;
constexpr int64_t kSlab = int64_t{64} << 20;

// Whole huge pages from four of them on; a small piece would waste most of one.
int64_t mapped_size(int64_t bytes) {
  const int64_t unit = bytes >= 4 * kHugePage ? kHugePage : static_cast<int64_t>(kPage);
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

std::byte* try_allocate_pages(int64_t bytes) {
  if (bytes < 0) return nullptr;
  const int64_t size = mapped_size(bytes > 0 ? bytes : 1);
  const bool huge = size >= 4 * kHugePage;
  const auto mapped = static_cast<std::size_t>(huge ? size + kHugePage : size);
  void* map = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED) return nullptr;
  auto* data = static_cast<std::byte*>(map);
  if (!huge) return data;
  // Only whole, aligned huge pages can be huge: what is around them goes back.
  const auto before = static_cast<std::size_t>(-reinterpret_cast<intptr_t>(map) & (kHugePage - 1));
  if (before > 0) ::munmap(data, before);
  ::munmap(data + before + size, static_cast<std::size_t>(kHugePage) - before);
  data += before;
#if defined(MADV_HUGEPAGE)
  ::madvise(data, static_cast<std::size_t>(size), MADV_HUGEPAGE);
#endif
  return data;
}

std::byte* allocate_pages(int64_t bytes) {
  std::byte* data = try_allocate_pages(bytes);
  CHECK(data != nullptr) << "no memory for " << bytes << " bytes of scratch";
  return data;
}

void free_pages(std::byte* data, int64_t bytes) {
  if (data != nullptr) {
    if (memory_is_secret()) wipe({data, static_cast<std::size_t>(bytes > 0 ? bytes : 0)});
    ::munmap(data, static_cast<std::size_t>(mapped_size(bytes > 0 ? bytes : 1)));
  }
}

std::shared_ptr<std::byte> Slabs::allocate(int64_t bytes) {
  if (bytes < 0) return nullptr;
  if (slab_ == nullptr || bytes > size_ - used_) {
    const int64_t size = mapped_size(std::max(kSlab, bytes));
    std::byte* const data = try_allocate_pages(size);
    if (data == nullptr) return nullptr;
    slab_ = std::shared_ptr<std::byte>(data, [size](std::byte* p) { free_pages(p, size); });
    size_ = size;
    used_ = 0;
  }
  std::shared_ptr<std::byte> piece(slab_, slab_.get() + used_);
  used_ = std::min(size_, (used_ + bytes + 63) / 64 * 64);
  return piece;
}

}  // namespace holdfast::cpu
