// The list of system calls that serving needs, through libseccomp.
#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <memory>

#include <fmt/format.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox/sandbox.h"

namespace holdfast {

namespace {

// By name: not every architecture has every call, and libseccomp knows which has which.
constexpr const char* kAllowed[] = {
    // bytes in and out of what is open
    "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev",
    "pwritev2", "lseek", "close", "close_range", "dup", "dup2", "dup3", "fcntl", "ioctl", "flock",
    "sendfile", "splice", "copy_file_range", "pipe2", "pipe", "eventfd2", "eventfd",
    // files, inside what Landlock leaves
    "open", "openat", "openat2", "stat", "lstat", "fstat", "newfstatat", "statx", "statfs",
    "fstatfs", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents64",
    "getdents", "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir", "rename", "renameat",
    "renameat2", "link", "linkat", "truncate", "ftruncate", "fallocate", "fadvise64", "fsync",
    "fdatasync", "sync_file_range", "chmod", "fchmod", "fchmodat", "fchown", "utimensat", "umask",
    "getcwd", "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
    // memory
    "mmap", "munmap", "mremap", "mprotect", "madvise", "msync", "mincore", "mlock", "mlock2",
    "munlock", "mlockall", "munlockall", "brk", "membarrier", "memfd_create", "memfd_secret",
    "mbind", "get_mempolicy", "set_mempolicy", "pkey_alloc", "pkey_free", "pkey_mprotect",
    // connections that come in
    "accept", "accept4", "shutdown", "recvfrom", "recvmsg", "recvmmsg", "getsockname",
    "getpeername", "getsockopt", "setsockopt", "epoll_create1", "epoll_create", "epoll_ctl",
    "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "select", "pselect6",
    // threads, time, signals
    "futex", "futex_waitv", "set_robust_list", "get_robust_list", "set_tid_address", "rseq",
    "sched_yield", "sched_getaffinity", "sched_setaffinity", "sched_getparam", "sched_getscheduler",
    "sched_setscheduler", "sched_get_priority_max", "sched_get_priority_min", "setpriority",
    "getpriority", "getcpu", "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep",
    "gettimeofday", "time", "times", "timerfd_create", "timerfd_settime", "timerfd_gettime",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "rt_sigpending",
    "rt_sigsuspend", "sigaltstack", "signalfd4", "pause", "restart_syscall", "exit", "exit_group",
    "arch_prctl",
    // who and where one is
    "getpid", "gettid", "getppid", "getpgrp", "getuid", "geteuid", "getgid", "getegid", "getgroups",
    "getresuid", "getresgid", "getrandom", "getrlimit", "setrlimit", "prlimit64", "getrusage",
    "sysinfo", "uname", "prctl",
    // further fences
    "seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"};

// Conditions on an argument of a call, counted from 0.
constexpr scmp_arg_cmp equals(unsigned argument, uint64_t value) {
  return {argument, SCMP_CMP_EQ, value, 0};
}
constexpr scmp_arg_cmp masked(unsigned argument, uint64_t mask, uint64_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};

class Filter {
 public:
  Filter() : filter_(seccomp_init(SCMP_ACT_ERRNO(EPERM))) { note(filter_ ? 0 : -ENOMEM); }

  void allow(const char* name, std::initializer_list<scmp_arg_cmp> conditions = {}) {
    add(SCMP_ACT_ALLOW, name, conditions);
  }
  void answer(int error, const char* name) {
    add(SCMP_ACT_ERRNO(static_cast<uint32_t>(error)), name, {});
  }
  Status load() {
    if (error_ == 0) note(seccomp_attr_set(filter_.get(), SCMP_FLTATR_CTL_TSYNC, 1));
    if (error_ == 0) note(seccomp_load(filter_.get()));
    if (error_ == 0) return {};
    return fail(error_ == ENOSYS || error_ == EINVAL ? Code::kUnimplemented : Code::kInternal,
                fmt::format("seccomp: {}", std::strerror(error_)), {},
                "--sandbox off serves without it");
  }

 private:
  void add(uint32_t action, const char* name, std::initializer_list<scmp_arg_cmp> conditions) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number < 0 || error_ != 0) return;  // another architecture's, or newer than the library
    note(seccomp_rule_add_array(filter_.get(), action, number,
                                static_cast<unsigned>(conditions.size()), conditions.begin()));
  }
  void note(int result) {
    if (result < 0 && error_ == 0) error_ = -result;
  }

  std::unique_ptr<void, Release> filter_;
  int error_ = 0;
};

}  // namespace

Status fence_calls(const CallFence& options) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return fail(Code::kUnimplemented, "this kernel cannot give up privileges");
  }
  Filter filter;
  for (const char* name : kAllowed) filter.allow(name);
  // Threads, and no processes. clone3 hides its flags in memory that a filter cannot read; told
  // that there is none, the C library takes clone.
  filter.allow("clone", {masked(0, CLONE_THREAD, CLONE_THREAD)});
  filter.answer(ENOSYS, "clone3");
  // What goes out goes to whom it came from: no address, and no connection opened by sending (a
  // socket that listened could otherwise be turned round).
  filter.allow("sendto", {equals(4, 0), masked(3, MSG_FASTOPEN, 0)});
  filter.allow("sendmsg", {masked(2, MSG_FASTOPEN, 0)});
  filter.allow("sendmmsg", {masked(3, MSG_FASTOPEN, 0)});
  // Only this process may be signalled (raise, abort).
  filter.allow("tgkill", {equals(0, static_cast<uint64_t>(getpid()))});
  filter.allow("socketpair", {equals(0, AF_UNIX)});
  if (options.unix_sockets) {
    filter.allow("socket", {equals(0, AF_UNIX)});
    filter.allow("connect");
  }
  return filter.load();
}

}  // namespace holdfast
