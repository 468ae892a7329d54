// Landlock (Linux 5.13 and on), by its system calls: Debian 12's headers know version 2 only.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/sandbox.h"

namespace holdfast {

namespace {

constexpr long kCreateRuleset = 444, kAddRule = 445, kRestrictSelf = 446;
constexpr uint32_t kVersionFlag = 1;
constexpr int kPathBeneath = 1;

// include/uapi/linux/landlock.h
constexpr uint64_t kExecute = 1 << 0, kWriteFile = 1 << 1, kReadFile = 1 << 2, kReadDir = 1 << 3,
                   kRemoveFile = 1 << 5, kMakeDir = 1 << 7, kMakeReg = 1 << 8, kMakeSock = 1 << 9,
                   kRefer = 1 << 13, kTruncate = 1 << 14;
constexpr std::array<uint64_t, 6> kFileRights = {
    0,                         // by version
    (uint64_t{1} << 13) - 1,   // 1
    (uint64_t{1} << 14) - 1,   // 2: moving between folders
    (uint64_t{1} << 15) - 1,   // 3: truncation
    (uint64_t{1} << 15) - 1,   // 4
    (uint64_t{1} << 16) - 1};  // 5: ioctl on devices
constexpr uint64_t kConnectTcp = 1 << 1;
constexpr uint64_t kScopeAbstractUnix = 1 << 0, kScopeSignals = 1 << 1;

struct RulesetAttributes {
  uint64_t files, network, scoped;
};
struct [[gnu::packed]] PathAttributes {
  uint64_t allowed;
  int32_t folder;
};

constexpr uint64_t kRead = kReadFile | kReadDir;
constexpr uint64_t kWrite =
    kRead | kWriteFile | kRemoveFile | kMakeDir | kMakeReg | kMakeSock | kRefer | kTruncate;
constexpr uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate;

// What the C library and OpenSSL read by themselves while a server runs.
constexpr const char* kSystemLibraries[] = {"/lib", "/lib64", "/usr/lib", "/usr/lib64"};
constexpr const char* kSystemFiles[] = {
    "/etc/localtime", "/usr/share/zoneinfo",       "/dev/urandom",
    "/dev/zero",      "/etc/ssl/openssl.cnf",      "/sys/devices/system/cpu",
    "/proc/meminfo",  "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"};

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

Status allow(int ruleset, const std::string& path, uint64_t rights) {
  const Descriptor target{open(path.c_str(), O_PATH | O_CLOEXEC)};
  if (target.fd < 0) return {};  // not there: nothing to allow
  struct stat info {};
  if (fstat(target.fd, &info) != 0) return {};
  if (!S_ISDIR(info.st_mode)) rights &= kOfFiles;
  const PathAttributes attributes{rights, target.fd};
  if (syscall(kAddRule, ruleset, kPathBeneath, &attributes, 0) != 0) {
    return fail(Code::kInternal, fmt::format("Landlock: {}", std::strerror(errno)), path);
  }
  return {};
}

}  // namespace

Result<FileFence> fence_files(const SandboxPaths& paths) {
  FileFence out;
  const long version = syscall(kCreateRuleset, nullptr, size_t{0}, kVersionFlag);
  if (version <= 0) {
    out.shortcomings = "this kernel has no Landlock: files are not fenced";
    return out;
  }
  out.abi = static_cast<int>(version);
  out.tcp = out.abi >= 4;
  RulesetAttributes attributes{};
  attributes.files = kFileRights[std::min<size_t>(static_cast<size_t>(out.abi), 5)];
  attributes.network = out.abi >= 4 ? kConnectTcp : 0;
  attributes.scoped = out.abi >= 6 ? kScopeAbstractUnix | kScopeSignals : 0;
  const size_t size = out.abi >= 6 ? 24 : out.abi >= 4 ? 16 : 8;
  const Descriptor ruleset{static_cast<int>(syscall(kCreateRuleset, &attributes, size, 0))};
  if (ruleset.fd < 0) {
    return fail(Code::kInternal, fmt::format("Landlock: {}", std::strerror(errno)));
  }
  const uint64_t known = attributes.files;
  for (const char* path : kSystemLibraries) {
    RETURN_IF_ERROR(allow(ruleset.fd, path, (kRead | kExecute) & known));
  }
  for (const char* path : kSystemFiles) RETURN_IF_ERROR(allow(ruleset.fd, path, kRead & known));
  RETURN_IF_ERROR(allow(ruleset.fd, "/dev/null", (kReadFile | kWriteFile) & known));
  for (const std::string& path : paths.read)
    RETURN_IF_ERROR(allow(ruleset.fd, path, kRead & known));
  for (const std::string& path : paths.write) {
    RETURN_IF_ERROR(allow(ruleset.fd, path, kWrite & known));
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(kRestrictSelf, ruleset.fd, 0) != 0) {
    return fail(Code::kInternal, fmt::format("Landlock: {}", std::strerror(errno)));
  }
  if (!out.tcp) out.shortcomings = "this kernel's Landlock fences files only, not TCP";
  return out;
}

}  // namespace holdfast
