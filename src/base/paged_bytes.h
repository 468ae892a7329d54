// Bytes of a file that lie in memory only while somebody needs them: a mapped file, which the
// system reads by itself, or a sealed one, which is decrypted chunk by chunk. Whoever is handed
// such bytes pins them, loads them, reads them, and unpins them; for bytes that are simply there
// all of this does nothing.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"

namespace holdfast {

class PagedBytes {
 public:
  virtual ~PagedBytes() = default;
  virtual void pin(std::span<const std::byte> bytes) = 0;
  virtual Status load(std::span<const std::byte> bytes) = 0;
  virtual Status help_load(std::span<const std::byte> bytes) = 0;
  virtual void unpin(std::span<const std::byte> bytes) = 0;
};

// These find the owner of the bytes by their address. Thread-safe; `bytes` lies in one owner.
//
// What is pinned stays in memory once it is loaded.
void pin_bytes(std::span<const std::byte> bytes);
// Brings pinned bytes into memory; before, reading them ends the process. corrupt or unavailable as
// their file is.
Status load_bytes(std::span<const std::byte> bytes);
// The same without waiting for what another thread is bringing: for threads that load a range
// together, each a part, and call load_bytes for the whole in the end.
Status help_load_bytes(std::span<const std::byte> bytes);
// Takes one pin back: exactly these bytes, in whatever pieces, have been pinned before. Those that
// nobody pins any more may leave the memory.
void unpin_bytes(std::span<const std::byte> bytes);

// pin and load. Without an unpin the bytes stay as long as their owner.
inline Status fetch_bytes(std::span<const std::byte> bytes) {
  pin_bytes(bytes);
  return load_bytes(bytes);
}

// For owners: from here to forget_bytes the range belongs to `owner`.
void own_bytes(std::span<const std::byte> range, PagedBytes* owner);
void forget_bytes(std::span<const std::byte> range);

}  // namespace holdfast
