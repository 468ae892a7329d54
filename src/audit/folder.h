// The segments of a log, in one folder or in several (a fast disk and a cold one).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace holdfast::audit {

// More than any segment is allowed to grow to.
inline constexpr size_t kMaxSegment = size_t{2} << 30;

struct SegmentFile {
  uint64_t first = 0;  // as the file's name says
  bool packed = false;
  std::string path;
  uint64_t bytes = 0;  // on the disk
};

std::string segment_name(uint64_t first, bool packed);

// In order; a segment of which both forms are there (a compression was cut short) comes as plain,
// then packed. not_found for a folder that is not there; other files in it are ignored.
Result<std::vector<SegmentFile>> list_segments(const std::vector<std::string>& folders);

// A segment's bytes, uncompressed. Read, not mapped: the newest one may be written meanwhile.
Result<std::string> load_segment(const SegmentFile& file);

}  // namespace holdfast::audit
