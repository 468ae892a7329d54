#include "audit/folder.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <tuple>

#include <fmt/format.h>

#include "audit/compress.h"
#include "base/state_file.h"

namespace holdfast::audit {

namespace {

constexpr std::string_view kPlain(".audit"), kPacked(".audit.zst");
constexpr size_t kDigits = 20;

std::optional<SegmentFile> parse_name(std::string_view name) {
  SegmentFile out;
  if (name.ends_with(kPacked)) {
    out.packed = true;
    name.remove_suffix(kPacked.size());
  } else if (name.ends_with(kPlain)) {
    name.remove_suffix(kPlain.size());
  } else {
    return std::nullopt;
  }
  const auto [end, ec] = std::from_chars(name.data(), name.data() + name.size(), out.first);
  if (name.size() != kDigits || ec != std::errc() || end != name.data() + name.size()) {
    return std::nullopt;
  }
  return out;
}

}  // namespace

std::string segment_name(uint64_t first, bool packed) {
  return fmt::format("{:020}{}", first, packed ? kPacked : kPlain);
}

Result<std::vector<SegmentFile>> list_segments(const std::vector<std::string>& folders) {
  std::vector<SegmentFile> out;
  for (const std::string& folder : folders) {
    std::error_code ec;
    std::filesystem::directory_iterator it(folder, ec);
    if (ec) {
      return fail(Code::kNotFound, fmt::format("cannot read this folder: {}", ec.message()),
                  folder);
    }
    for (; it != std::filesystem::directory_iterator(); it.increment(ec)) {
      auto file = parse_name(it->path().filename().string());
      if (!file || !it->is_regular_file(ec)) continue;
      file->path = it->path().string();
      file->bytes = it->file_size(ec);
      if (ec) file->bytes = 0;
      out.push_back(std::move(*file));
    }
    if (ec) return fail(Code::kUnavailable, ec.message(), folder);
  }
  std::sort(out.begin(), out.end(), [](const SegmentFile& a, const SegmentFile& b) {
    return std::tie(a.first, a.packed, a.path) < std::tie(b.first, b.packed, b.path);
  });
  return out;
}

Result<std::string> load_segment(const SegmentFile& file) {
  ASSIGN_OR_RETURN(std::string bytes, read_small_file(file.path, kMaxSegment));
  if (!file.packed) return bytes;
  auto unpacked = unpack_segment(bytes, kMaxSegment);
  if (!unpacked) {
    Error error = unpacked.error();
    error.where = file.path;
    return fail(std::move(error));
  }
  return unpacked;
}

}  // namespace holdfast::audit
