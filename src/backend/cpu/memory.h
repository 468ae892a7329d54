// Large anonymous memory, in huge pages where the system has them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace holdfast::cpu {

// Zeroed pages; CHECKs when the system has none left (callers size what users can ask for before).
std::byte* allocate_pages(int64_t bytes);
// The same, or null.
std::byte* try_allocate_pages(int64_t bytes);
void free_pages(std::byte* data, int64_t bytes);

}  // namespace holdfast::cpu
