// What loaders read from. Loaders never open files themselves: a plain mapped file, a sealed file
// that decrypts chunk by chunk, or a test double that fails where told all look the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"

namespace holdfast {

// Thread-safe: read() may be called from several threads at once.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  virtual uint64_t size() const = 0;
  // For messages: the path, usually.
  virtual const std::string& name() const = 0;
  // Fills `out` from `offset`; invalid_argument when that passes the end, corrupt or unavailable as
  // the source fails.
  virtual Status read(uint64_t offset, std::span<std::byte> out) const = 0;
  // The whole content in memory where that costs nothing, valid as long as this object; otherwise
  // nothing, and the caller reads. Bytes are there where they were fetched (base/paged_bytes.h).
  virtual std::optional<std::span<const std::byte>> map() const = 0;
};

// A plain file, mapped.
Result<std::shared_ptr<const ByteSource>> open_file(const std::string& path);

// How a model's files are opened: open_file, unless whoever holds keys or a manifest says
// otherwise.
using FileOpener =
    std::function<Result<std::shared_ptr<const ByteSource>>(const std::string& path)>;
// Bytes held in memory; for tests and for small files.
std::shared_ptr<const ByteSource> memory_source(std::string name, std::string bytes);

}  // namespace holdfast
