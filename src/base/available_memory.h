// How much memory this process may still use.
#pragma once

#include <cstdint>

namespace holdfast {

// Bytes, by /proc/meminfo (pages of files that could go count as free) and the control group's
// limit; the largest number where the system does not tell.
int64_t available_memory();

}  // namespace holdfast
