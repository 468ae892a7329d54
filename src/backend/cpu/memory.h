// Large anonymous memory, in huge pages where the system has them, and the way back to the system
// for file pages that were copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace holdfast::cpu {

// Zeroed pages; CHECKs when the system has none left (callers size what users can ask for before).
std::byte* allocate_pages(int64_t bytes);
// The same, or null.
std::byte* try_allocate_pages(int64_t bytes);
void free_pages(std::byte* data, int64_t bytes);

// Lets the system forget its copy of whole pages inside `bytes`, which must lie in a read-only file
// mapping: a later read would fetch them from the file again.
void drop_file_pages(std::span<const std::byte> bytes);

}  // namespace holdfast::cpu
