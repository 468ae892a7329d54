// zstd, whole buffers.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::audit {

std::string zstd_compress(std::string_view bytes, int level);
// corrupt for bytes that are no zstd frame; resource_exhausted when they say they hold more than
// `most`.
Result<std::string> zstd_decompress(std::string_view bytes, size_t most);

// A closed segment as a file: one zstd frame, then a skippable frame (which zstd's own tools skip)
// with the SHA-256 of all bytes before it, so that a flip anywhere in the file is found.
std::string pack_segment(std::string_view segment);
Result<std::string> unpack_segment(std::string_view file, size_t most);
// What the first bytes of such a file say about the segment's size; 0: nothing.
uint64_t unpacked_size(std::string_view beginning);

}  // namespace holdfast::audit
