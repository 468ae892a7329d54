#include "backend/cpu/memory.h"

#include <sys/mman.h>

#include "base/check.h"

namespace holdfast::cpu {
namespace {

constexpr int64_t kHugePage = int64_t{2} << 20;
constexpr uintptr_t kPage = 4096;

// Whole huge pages from four of them on; a small piece would waste most of one.
int64_t mapped_size(int64_t bytes) {
  const int64_t unit = bytes >= 4 * kHugePage ? kHugePage : static_cast<int64_t>(kPage);
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

std::byte* try_allocate_pages(int64_t bytes) {
  if (bytes < 0) return nullptr;
  const int64_t size = mapped_size(bytes > 0 ? bytes : 1);
  void* data = ::mmap(nullptr, static_cast<std::size_t>(size), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) return nullptr;
#if defined(MADV_HUGEPAGE)
  if (size >= 4 * kHugePage) ::madvise(data, static_cast<std::size_t>(size), MADV_HUGEPAGE);
#endif
  return static_cast<std::byte*>(data);
}

std::byte* allocate_pages(int64_t bytes) {
  std::byte* data = try_allocate_pages(bytes);
  CHECK(data != nullptr) << "no memory for " << bytes << " bytes of scratch";
  return data;
}

void free_pages(std::byte* data, int64_t bytes) {
  if (data != nullptr) {
    ::munmap(data, static_cast<std::size_t>(mapped_size(bytes > 0 ? bytes : 1)));
  }
}

}  // namespace holdfast::cpu
