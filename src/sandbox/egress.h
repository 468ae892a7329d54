// Tries to get out, in every way we know, and tells what stopped it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/sandbox.h"

namespace holdfast {

struct EgressAttempt {
  std::string name;  // "TCP connection"
  bool refused = false;
  std::string outcome;  // "connect: Operation not permitted"
};

// Each attempt inside a child process behind the same fences as a server's. An attempt counts as
// refused only when a fence said so (EPERM, EACCES, ENOSYS), not when there is merely no network.
// Call from a process with one thread.
Result<std::vector<EgressAttempt>> try_egress(const SandboxPaths& paths, const CallFence& calls);

}  // namespace holdfast
