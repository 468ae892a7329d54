#include "base/secret_memory.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <string>

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

namespace holdfast {
namespace {

std::mutex once_at_a_time;
std::atomic<bool> secret{false};

bool system_swaps() {
  struct sysinfo info {};
  return ::sysinfo(&info) != 0 || info.totalswap != 0;
}

// Whether the limit does not count for us.
bool may_lock_anything() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  return ::syscall(SYS_capget, &header, data) == 0 &&
         (data[0].effective & (1u << CAP_IPC_LOCK)) != 0;
}

// Locks what is touched, now and later. With a finite limit allocations would begin to fail once it
// is reached, so that it is all or nothing.
bool lock_memory() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return false;
  if (limit.rlim_max == RLIM_INFINITY && limit.rlim_cur != RLIM_INFINITY) {
    limit.rlim_cur = RLIM_INFINITY;
    if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0) return false;
  }
  if (limit.rlim_cur != RLIM_INFINITY && !may_lock_anything()) return false;
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
