#include "base/output_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/system_error.h"

namespace holdfast {
namespace {

tl::unexpected<Error> exists(const std::string& path) {
  return fail(Code::kInvalidArgument, "the file exists already", path,
              "Choose another name, or replace it with --force");
}

}  // namespace

Result<OutputFile> OutputFile::create(const std::string& path, Existing existing, unsigned mode) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) {
    if (!S_ISREG(info.st_mode)) return fail(Code::kInvalidArgument, "not a regular file", path);
    if (existing == Existing::kRefuse) return exists(path);
  }
  std::string temporary = path + ".partial-" + std::to_string(::getpid());
  const int fd = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return fail(system_error("cannot create the file", temporary));
  return OutputFile(path, std::move(temporary), fd, existing);
}

OutputFile::OutputFile(std::string path, std::string temporary, int fd, Existing existing)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd), existing_(existing) {}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      fd_(std::exchange(other.fd_, -1)),
      existing_(other.existing_),
      position_(other.position_) {}

OutputFile& OutputFile::operator=(OutputFile&& other) noexcept {
  if (this == &other) return *this;
  discard();
  path_ = std::move(other.path_);
  temporary_ = std::move(other.temporary_);
  fd_ = std::exchange(other.fd_, -1);
  existing_ = other.existing_;
  position_ = other.position_;
  return *this;
}

OutputFile::~OutputFile() { discard(); }

void OutputFile::discard() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
  fd_ = -1;
}

Status OutputFile::rewrite(uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0) {
      if (errno == EINTR) continue;
      return fail(system_error("cannot write the file", temporary_));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
  return {};
}

Status OutputFile::write(std::span<const std::byte> bytes) {
  RETURN_IF_ERROR(rewrite(position_, bytes));
  position_ += bytes.size();
  return {};
}

Status OutputFile::write(std::string_view text) { return write(std::as_bytes(std::span(text))); }

Status OutputFile::zeros(uint64_t count) {
  static constexpr std::array<std::byte, 4096> kZeros{};
  while (count > 0) {
    const uint64_t now = std::min<uint64_t>(count, kZeros.size());
    RETURN_IF_ERROR(write(std::span(kZeros).first(now)));
    count -= now;
  }
  return {};
}

Status OutputFile::finish() {
  if (::fsync(fd_) != 0) return fail(system_error("cannot write the file", temporary_));
  RETURN_IF_ERROR(give_name());
  // The name is on the disk when its folder is. Not every file system can do this; then it is
  // there soon.
  const std::size_t slash = path_.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    ::fsync(fd);
    ::close(fd);
  }
  return {};
}

Status OutputFile::give_name() {
  if (existing_ == Existing::kRefuse) {
    // Unlike rename, link refuses a name that came into being since create().
    if (::link(temporary_.c_str(), path_.c_str()) == 0) {
      discard();
      return {};
    }
    if (errno == EEXIST) return exists(path_);
    // A file system without hard links: rename, as below.
  }
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0)
    return fail(system_error("cannot give the file its name", path_));
  ::close(fd_);
  fd_ = -1;
  return {};
}

}  // namespace holdfast
