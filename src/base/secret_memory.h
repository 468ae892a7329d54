// The whole process as a place for secrets: weights of sealed models, prompts, keys.
#pragma once

#include "base/result.h"

namespace holdfast {

// From now on nothing of this process's memory is written to a disk: no core dumps, no other
// process of the same user may read it (ptrace), and all of it, also what is allocated later, is
// locked against swapping. resource_exhausted when the system has swap space and does not allow
// locking (RLIMIT_MEMLOCK); without swap space there is nothing to lock against. Calling again does
// nothing.
Status keep_memory_secret();

// Whether keep_memory_secret() was called: large allocations are then wiped before they are given
// back.
bool memory_is_secret();

}  // namespace holdfast
