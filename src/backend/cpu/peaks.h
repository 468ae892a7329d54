// Measures what this machine can do with an instruction set: the roofline of everything else.
#pragma once

#include "backend/backend.h"
#include "base/thread_pool.h"

namespace holdfast::cpu {

// On all threads of the pool together; about a second. Computing: the best of several short
// windows, since whoever else runs can only slow them. Reading: the median. `isa`: as Kernels::isa.
Peaks measure_peaks(const char* isa, ThreadPool& pool);

}  // namespace holdfast::cpu
