#include "base/secret_memory.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <mutex>
#include <string>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

namespace holdfast {
namespace {

std::mutex once_at_a_time;
std::atomic<bool> secret{false};

bool system_swaps() {
  std::ifstream swaps("/proc/swaps");
  std::string line;
  if (!std::getline(swaps, line)) return true;  // not known: assume the worse
  return static_cast<bool>(std::getline(swaps, line));
}

// Locks what is touched, now and later. With a finite limit allocations would begin to fail once it
// is reached, so that it is all or nothing.
bool lock_memory() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_MEMLOCK, &limit);
  }
  ::getrlimit(RLIMIT_MEMLOCK, &limit);
  if (limit.rlim_cur != RLIM_INFINITY) {
    limit.rlim_cur = limit.rlim_max = RLIM_INFINITY;
    if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0) return false;  // CAP_SYS_RESOURCE may
  }
  return ::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
}

}  // namespace

Status keep_memory_secret() {
  const std::lock_guard lock(once_at_a_time);
  if (secret) return {};
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    return fail(Code::kInternal,
                std::string("core dumps cannot be switched off: ") + std::strerror(errno));
  if (!lock_memory() && system_swaps()) {
    return fail(
        Code::kResourceExhausted,
        "the content of sealed files could be swapped to disk: memory may not be locked",
        "RLIMIT_MEMLOCK",
        "Allow it (ulimit -l unlimited; LimitMEMLOCK=infinity in a systemd unit), or switch "
        "swapping off (swapoff -a)");
  }
  secret = true;
  return {};
}

bool memory_is_secret() { return secret.load(std::memory_order_relaxed); }

}  // namespace holdfast
