#include "audit/secret_file.h"

#include <sys/stat.h>

#include "base/state_file.h"

namespace holdfast::audit {

Result<std::string> read_secret_file(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) == 0 && (info.st_mode & 077) != 0) {
    return fail(Code::kPermissionDenied, "others may read this key", path,
                "chmod 600 it, and make a new key if somebody did");
  }
  return read_small_file(path);
}

}  // namespace holdfast::audit
