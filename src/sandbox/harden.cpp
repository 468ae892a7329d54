#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/log.h"
#include "sandbox/sandbox.h"

namespace holdfast {

void harden_process() {
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) spdlog::warn("core dumps cannot be switched off");
  if (prctl(PR_SET_DUMPABLE, 0) != 0) spdlog::warn("others may look into this process");
}

}  // namespace holdfast
