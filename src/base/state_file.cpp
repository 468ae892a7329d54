#include "base/state_file.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/system_error.h"

namespace holdfast {

namespace fs = std::filesystem;

namespace {

tl::unexpected<Error> unavailable(std::string_view doing, const std::string& path) {
  const int error = errno;
  const Code code = error == ENOENT                       ? Code::kNotFound
                    : (error == EACCES || error == EPERM) ? Code::kPermissionDenied
                                                          : Code::kUnavailable;
  return fail(code, fmt::format("cannot {}: {}", doing, std::strerror(error)), path);
}

bool write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = write(fd, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace

std::string home_directory() {
  if (const char* home = std::getenv("HOLDFAST_HOME"); home != nullptr && *home != '\0')
    return home;
  const char* user = std::getenv("HOME");
  return (fs::path(user != nullptr ? user : ".") / ".local/share/holdfast").string();
}

Status make_private_folder(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return {};
  if (const fs::path above = fs::path(path).parent_path(); !above.empty()) {
    fs::create_directories(above, error);
  }
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return unavailable("make this folder", path);
  }
  return {};
}

Status write_state_file(const std::string& path, std::string_view data, Access access) {
  const std::string temporary = fmt::format("{}.{}.new", path, getpid());
  unlink(temporary.c_str());
  {
    const Descriptor file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                               access == Access::kOwner ? 0600 : 0644));
    if (file.get() < 0) return unavailable("write this file", path);
    if (!write_all(file.get(), data) || fsync(file.get()) != 0) {
      auto failure = unavailable("write this file", path);
      unlink(temporary.c_str());
      return failure;
    }
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    auto failure = unavailable("write this file", path);
    unlink(temporary.c_str());
    return failure;
  }
  const Descriptor folder(
      open(fs::path(path).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) fsync(folder.get());
  return {};
}

Result<std::string> read_small_file(const std::string& path, uint64_t most) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return unavailable("open this file", path);
  std::string out;
  char buffer[16384];
  for (;;) {
    const ssize_t got = read(file.get(), buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unavailable("read this file", path);
    if (got == 0) return out;
    out.append(buffer, static_cast<size_t>(got));
    if (out.size() > most) {
      return fail(Code::kInvalidArgument, fmt::format("the file is larger than {} bytes", most),
                  path);
    }
  }
}

}  // namespace holdfast
