// The CPU backend: one pool of threads, kernels chosen for this machine's instruction set at run
// time.
#pragma once

#include <memory>
#include <string>

#include "backend/backend.h"

namespace holdfast {

struct CpuOptions {
  int threads = 0;  // 0: one for each core this process may use
  // "generic", "avx2" (with FMA, F16C), "avx2_vnni", "avx512" (F, BW, VL, DQ, VNNI), "avx512_bf16"
  // (and BF16); on aarch64 "neon", "neon_dot" (with dot products); empty: $HOLDFAST_ISA, else the
  // best this machine has.
  std::string isa;
};

// invalid_argument for an instruction set this machine or build does not have.
Result<std::unique_ptr<Backend>> make_cpu_backend(const CpuOptions& options);

}  // namespace holdfast
