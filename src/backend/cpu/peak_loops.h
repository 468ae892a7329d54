// Loops of nothing but one kind of instruction, or of loads: what an instruction set can do at
// most. Their rates are the limits that `holdfast bench --roofline` measures against.
//
// As with kernels.h: files of avx2/, avx512/ and the like include nothing else of ours.
#pragma once

#include <cstdint>

namespace holdfast::cpu {

// A loop that keeps its processor's multipliers busy for `rounds` rounds; the result depends on all
// of them, so that nothing is optimized away.
struct ComputeLoop {
  int64_t (*run)(int64_t rounds) = nullptr;  // null: this machine has no such instruction
  int64_t operations = 0;  // of one round; a multiplication and an addition are two
};

struct PeakLoops {
  // Reads all of data, a multiple of 4096 bytes, aligned to 64.
  int64_t (*read)(const unsigned char* data, int64_t bytes);
  ComputeLoop int8, bf16, fp32;
};

PeakLoops generic_peak_loops();
// x86-64 only; whether the machine has the instructions is for the caller to ask.
PeakLoops avx2_peak_loops();
PeakLoops avx2_vnni_peak_loops();
PeakLoops avx512_peak_loops(bool has_bf16);
// aarch64 only.
PeakLoops neon_peak_loops();
PeakLoops neon_dot_peak_loops();

}  // namespace holdfast::cpu
