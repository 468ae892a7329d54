// Files that come into memory chunk by chunk, each checked before anybody sees it: sealed files,
// and plain ones that a manifest vouches for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "files/byte_source.h"

namespace holdfast {

inline constexpr uint64_t kSourceChunk = 1 << 20;

// Gives a file's chunks of kSourceChunk bytes, the last one shorter. Thread-safe.
class ChunkReader {
 public:
  virtual ~ChunkReader() = default;
  virtual const std::string& name() const = 0;
  virtual uint64_t size() const = 0;
  // Fills `out`, which is as long as the chunk, with what is certainly right, or fails: corrupt,
  // naming chunk and offset; not_found, unavailable as the file is.
  virtual Status read_chunk(uint64_t chunk, std::span<std::byte> out) const = 0;
  // Chunks that will be read soon.
  virtual void will_read(uint64_t first, uint64_t count) const = 0;

  uint64_t chunks() const { return (size() + kSourceChunk - 1) / kSourceChunk; }
  uint64_t chunk_bytes(uint64_t chunk) const {
    const uint64_t left = size() - chunk * kSourceChunk;
    return left < kSourceChunk ? left : kSourceChunk;
  }
};

// The chunks of a plain file, unchecked. not_found, permission_denied, invalid_argument.
Result<std::shared_ptr<const ChunkReader>> plain_chunks(const std::string& path);

// A source whose map() is address space first and bytes only where they are pinned and loaded
// (base/paged_bytes.h); reading others ends the process, so that nothing unchecked can be computed
// with. Its memory is anonymous, left out of core dumps, and wiped before it is given back.
// resource_exhausted without the address space. `idle_chunks` stay for a while after nobody pins
// them, since tensors that lie side by side share chunks; 0: none, not for a moment (tests).
Result<std::shared_ptr<const ByteSource>> chunked_source(std::shared_ptr<const ChunkReader> reader,
                                                         std::size_t idle_chunks = 64);

}  // namespace holdfast
