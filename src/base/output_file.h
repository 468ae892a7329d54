// A file that appears whole or not at all: written under a temporary name beside its own, renamed
// when finished, removed when not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast {

class OutputFile {
 public:
  enum class Existing { kRefuse, kReplace };

  // invalid_argument when PATH exists and may not be replaced (hint: --force); not_found or
  // permission_denied for its folder.
  // `mode`: who may read it, as chmod has it.
  static Result<OutputFile> create(const std::string& path, Existing existing,
                                   unsigned mode = 0644);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) noexcept;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();  // removes the temporary file, unless finished

  const std::string& path() const { return path_; }
  uint64_t position() const { return position_; }  // bytes written so far

  // Appends. resource_exhausted when the disk is full.
  Status write(std::span<const std::byte> bytes);
  Status write(std::string_view text);
  Status zeros(uint64_t count);
  // Overwrites bytes written before.
  Status rewrite(uint64_t offset, std::span<const std::byte> bytes);
  // Flushes to the disk and renames. Call once, last.
  Status finish();

 private:
  OutputFile(std::string path, std::string temporary, int fd, Existing existing);
  void discard();
  Status give_name();

  std::string path_, temporary_;
  int fd_ = -1;
  Existing existing_ = Existing::kRefuse;
  uint64_t position_ = 0;
};

}  // namespace holdfast
