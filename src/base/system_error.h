// What errno says, as an Error, and a file descriptor that closes itself.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace holdfast {

// "WHAT: No such file or directory" at `path`. not_found, permission_denied, resource_exhausted (of
// disk, memory or descriptors), else internal. Reads errno: call it first.
Error system_error(std::string_view what, const std::string& path);

// Owns an open file; -1 is none.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  int release();  // the caller closes it

 private:
  int fd_;
};

}  // namespace holdfast
