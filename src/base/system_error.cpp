#include "base/system_error.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <unistd.h>

namespace holdfast {

Error system_error(std::string_view what, const std::string& path) {
  const int number = errno;
  Code code = Code::kInternal;
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      code = Code::kNotFound;
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      code = Code::kPermissionDenied;
      break;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
      code = Code::kResourceExhausted;
      break;
    default:
      break;
  }
  return {code, std::string(what) + ": " + std::strerror(number), path, ""};
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

int Descriptor::release() { return std::exchange(fd_, -1); }

}  // namespace holdfast
