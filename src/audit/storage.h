// The few things the log asks of a file system, as a seam: tests fail them one by one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::audit {

// Errors: resource_exhausted when the disk or a quota is full, else not_found, permission_denied or
// unavailable; `where` is the path.
class Storage {
 public:
  virtual ~Storage() = default;
  static Storage& system();

  virtual Result<int> create(const std::string& path) = 0;  // replaces what is there
  virtual Result<int> open(const std::string& path) = 0;    // for writing
  virtual void close(int fd) = 0;
  virtual Status write(int fd, uint64_t offset, std::string_view bytes,
                       const std::string& path) = 0;
  virtual Status truncate(int fd, uint64_t size, const std::string& path) = 0;
  virtual Status sync(int fd, const std::string& path) = 0;  // contents and size are on the disk
  virtual Status sync_folder(const std::string& path) = 0;   // names are on the disk
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  virtual Status remove(const std::string& path) = 0;
  virtual Result<uint64_t> free_bytes(const std::string& path) = 0;  // for us
};

}  // namespace holdfast::audit
