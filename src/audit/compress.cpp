#include "audit/compress.h"

#include <cstring>

#include <fmt/format.h>
#include <zstd.h>

#include "base/check.h"
#include "base/digest.h"

namespace holdfast::audit {

namespace {

constexpr std::string_view kSkippable("\x50\x2a\x4d\x18\x20\0\0\0", 8);  // 32 bytes follow
constexpr size_t kTrailer = 8 + 32;
constexpr int kSegmentLevel = 9;

}  // namespace

std::string zstd_compress(std::string_view bytes, int level) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), level);
  CHECK(!ZSTD_isError(size)) << ZSTD_getErrorName(size);
  out.resize(size);
  return out;
}

Result<std::string> zstd_decompress(std::string_view bytes, size_t most) {
  const unsigned long long size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) {
    return fail(Code::kCorrupt, "not compressed as it should be");
  }
  if (size > most) {
    return fail(Code::kResourceExhausted,
                fmt::format("says it holds {} bytes, and at most {} are allowed", size, most));
  }
  // A frame cannot hold more than some 1,000,000 times its size: do not believe one that says so.
  if (size > (bytes.size() + 64) * 1'000'000ull) {
    return fail(Code::kCorrupt, "says it holds more than it can");
  }
  std::string out(size, '\0');
  const size_t got = ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(got) || got != out.size()) {
    return fail(Code::kCorrupt, "its compressed bytes do not unpack");
  }
  return out;
}

std::string pack_segment(std::string_view segment) {
  std::string out = zstd_compress(segment, kSegmentLevel);
  const Digest digest = sha256(out);
  out += kSkippable;
  out.append(reinterpret_cast<const char*>(digest.data()), digest.size());
  return out;
}

Result<std::string> unpack_segment(std::string_view file, size_t most) {
  if (file.size() < kTrailer) return fail(Code::kCorrupt, "the file ends early");
  const std::string_view frame = file.substr(0, file.size() - kTrailer);
  const Digest digest = sha256(frame);
  if (file.substr(frame.size(), kSkippable.size()) != kSkippable ||
      std::memcmp(file.data() + frame.size() + kSkippable.size(), digest.data(), digest.size()) !=
          0) {
    return fail(Code::kCorrupt, "the compressed file's own checksum does not hold");
  }
  return zstd_decompress(frame, most);
}

uint64_t unpacked_size(std::string_view beginning) {
  const unsigned long long size = ZSTD_getFrameContentSize(beginning.data(), beginning.size());
  return size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN ? 0 : size;
}

}  // namespace holdfast::audit
