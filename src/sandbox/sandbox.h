// What a serving process can no longer do: read or write files outside named folders, open a
// connection, start a program. Two of Linux's own fences, since each has a gap that the other
// closes: Landlock (files; TCP by port) holds for the thread that asks and all it starts later, so
// it comes before any other thread; seccomp (system calls) comes last, when sockets listen, and
// holds for all.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace holdfast {

struct SandboxPaths {
  std::vector<std::string> read;   // files and folders, with what is in them
  std::vector<std::string> write;  // folders: read, write, make and remove files in them
};

// No core dumps, no debugger, no /proc/PID/environ or mem for others of the same user: memory holds
// keys and prompts. Cannot fail in a way that leaves secrets more exposed than before.
void harden_process();

struct FileFence {
  int abi = 0;               // Landlock's version in this kernel; 0: none
  bool tcp = false;          // outgoing TCP is refused by Landlock, too (version 4)
  std::string shortcomings;  // for the log; empty: none
};
// Call from the only thread. Paths that do not exist are left out. A kernel without Landlock is no
// failure: the report says it, and the caller says it aloud.
Result<FileFence> fence_files(const SandboxPaths& paths);

// Leaves the system calls that serving needs: no new sockets but Unix ones for `unix_sockets`, no
// connect, no programs, no other processes, no io_uring, no tracing. Everything else answers EPERM.
// All threads. unimplemented where the kernel has no seccomp.
struct CallFence {
  bool unix_sockets = false;  // connect() and Unix sockets stay: the audit log's syslog needs them
};
Status fence_calls(const CallFence& options);

}  // namespace holdfast
