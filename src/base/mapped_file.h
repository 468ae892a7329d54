// A file mapped read-only into memory.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"

namespace holdfast {

// Owns the mapping; movable. The bytes live as long as this object. Thread-safe: nothing changes
// after open.
class MappedFile {
 public:
  // not_found, permission_denied, or invalid_argument (a folder, a pipe). An empty file is a valid,
  // empty mapping.
  static Result<MappedFile> open(const std::string& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  MappedFile(const std::byte* data, std::size_t size) : data_(data), size_(size) {}

  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// Whether `bytes` lie inside a MappedFile. Thread-safe.
bool in_mapped_file(std::span<const std::byte> bytes);

// Tells the system that the whole pages inside `bytes` are not needed for now, so that they no
// longer count as this process's memory; reading them again fetches them again. Does nothing for
// bytes outside every MappedFile. Thread-safe.
void release_file_pages(std::span<const std::byte> bytes);

}  // namespace holdfast
