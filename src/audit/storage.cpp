#include "audit/storage.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace holdfast::audit {

namespace {

tl::unexpected<Error> failed(std::string_view what, const std::string& path) {
  const int error = errno;
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  const Code code = full                                ? Code::kResourceExhausted
                    : error == ENOENT                   ? Code::kNotFound
                    : error == EACCES || error == EPERM ? Code::kPermissionDenied
                                                        : Code::kUnavailable;
  return fail(code, fmt::format("{}: {}", what, std::strerror(error)), path,
              full ? "make room on this disk" : "");
}

class SystemStorage final : public Storage {
 public:
  Result<int> create(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return failed("cannot make this file", path);
    return fd;
  }

  Result<int> open(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return failed("cannot open this file", path);
    return fd;
  }

  void close(int fd) override { ::close(fd); }

  Status write(int fd, uint64_t offset, std::string_view bytes, const std::string& path) override {
    while (!bytes.empty()) {
      const ssize_t put = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return failed("cannot write", path);
      offset += static_cast<uint64_t>(put);
      bytes.remove_prefix(static_cast<size_t>(put));
    }
    return {};
  }

  Status truncate(int fd, uint64_t size, const std::string& path) override {
    if (ftruncate(fd, static_cast<off_t>(size)) != 0) return failed("cannot shorten", path);
    return {};
  }

  Status sync(int fd, const std::string& path) override {
    if (fdatasync(fd) != 0) return failed("cannot flush to the disk", path);
    return {};
  }

  Status sync_folder(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return failed("cannot open this folder", path);
    const int result = fsync(fd);
    const int error = errno;
    ::close(fd);
    errno = error;
    if (result != 0) return failed("cannot flush to the disk", path);
    return {};
  }

  Status rename(const std::string& from, const std::string& to) override {
    if (std::rename(from.c_str(), to.c_str()) != 0) return failed("cannot rename", from);
    return {};
  }

  Status remove(const std::string& path) override {
    if (unlink(path.c_str()) != 0) return failed("cannot remove", path);
    return {};
  }

  Result<uint64_t> free_bytes(const std::string& path) override {
    struct statvfs info {};
    if (statvfs(path.c_str(), &info) != 0) return failed("cannot look at", path);
    return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
  }
};

}  // namespace

Storage& Storage::system() {
  static SystemStorage storage;
  return storage;
}

}  // namespace holdfast::audit
