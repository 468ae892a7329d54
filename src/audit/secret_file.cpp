#include "audit/secret_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::audit {

namespace {

Error system_error(std::string_view what, const std::string& path) {
  const int error = errno;
  const Code code = error == ENOENT                      ? Code::kNotFound
                    : error == EACCES || error == EPERM  ? Code::kPermissionDenied
                    : error == ENOSPC || error == EDQUOT ? Code::kResourceExhausted
                                                         : Code::kUnavailable;
  return {code, fmt::format("{}: {}", what, std::strerror(error)), path, {}};
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

Result<std::string> read_whole(const std::string& path, size_t most, bool secret) {
  const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) return fail(system_error("cannot open", path));
  struct stat info {};
  if (fstat(file.fd, &info) != 0) return fail(system_error("cannot look at", path));
  if (secret && (info.st_mode & 077) != 0) {
    return fail(Code::kPermissionDenied, "others may read this key", path,
                "chmod 600 it, and make a new key if somebody did");
  }
  std::string out;
  size_t size = 0;
  for (;;) {
    // Room for one byte more than there should be, so that the end is seen in one read.
    out.resize(std::max(size + (size_t{4} << 10), static_cast<size_t>(info.st_size) + 1));
    const ssize_t got = read(file.fd, out.data() + size, out.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(system_error("cannot read", path));
    size += static_cast<size_t>(got);
    if (size > most) {
      return fail(Code::kResourceExhausted, fmt::format("longer than {} bytes", most), path);
    }
    if (got > 0) continue;
    out.resize(size);
    return out;
  }
}

}  // namespace

Result<std::string> read_small_file(const std::string& path, size_t most) {
  return read_whole(path, most, false);
}

Result<std::string> read_secret_file(const std::string& path, size_t most) {
  return read_whole(path, most, true);
}

Status write_new_file(const std::string& path, std::string_view bytes, unsigned mode) {
  const std::string temporary = fmt::format("{}.new-{}", path, getpid());
  const Descriptor file{open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)};
  if (file.fd < 0) return fail(system_error("cannot make", temporary));
  Status status;
  while (!bytes.empty() && status) {
    const ssize_t put = write(file.fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) status = fail(system_error("cannot write", temporary));
    if (put > 0) bytes.remove_prefix(static_cast<size_t>(put));
  }
  if (status && fsync(file.fd) != 0) status = fail(system_error("cannot write", temporary));
  // link() refuses to replace what is there, as rename() would not.
  if (status && link(temporary.c_str(), path.c_str()) != 0) {
    status = errno == EEXIST ? fail(Code::kInvalidArgument, "this file exists", path)
                             : fail(system_error("cannot make", path));
  }
  unlink(temporary.c_str());
  return status;
}

}  // namespace holdfast::audit
