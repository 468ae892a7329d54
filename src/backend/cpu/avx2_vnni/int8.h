// Packed weights times quantized activations with AVX2 and AVX-VNNI.
//
// vpdpbusd multiplies 32 unsigned codes with 32 signed ones and adds groups of four to 8 sums: one
// step of half a panel (8 rows x 4 columns) for one activation row, whose 4 bytes are broadcast. No
// sums of 16 bits that might overflow, so one kernel for all codes; 8-bit ones count as unsigned.
//
// Registers: the 8 steps of a strip of half a panel (8), scale and minimum (2 to 4), and for the
// row that passes an activation and two sums of integers; the sum of floats comes last. A row and a
// strip of half a panel take 8 vpdpbusd and 2 products of floats (3 with minimums) on the two
// multiplying ports, 11 loads and a store beside them: loads and products limit it alike. Results
// are those of avx2, byte for byte: sums of integers are exact, those of floats are the same.
#pragma once

#include "backend/cpu/avx2/quantize.h"
#include "backend/cpu/avx2/unpack.h"
#include "backend/cpu/shared/chunk.h"

namespace holdfast::cpu {
namespace {

constexpr int kPanels = 1;
constexpr bool kSignedBytes = false;

template <CodePlanes kPlanes, int kGroups, bool kMinimum, int>
void multiply(const Chunk& chunk) {
  constexpr int kSteps = 8 / kGroups;
  constexpr int kScale = kStripColumns, kAux = kScale + 4, kRecord = kAux + 4 * kGroups;
  const Codes table = kPlanes == CodePlanes::kTable ? iq4_table<128>() : _mm256_setzero_si256();
  for (int strip = 0; strip < chunk.strips; ++strip) {
    const unsigned char* const strip_x = chunk.x + strip * chunk.rows * kRecord;
    for (int at = 0; at < chunk.ahead_bytes; at += 64)
      _mm_prefetch(chunk.ahead[0] + strip * chunk.ahead_bytes + at, _MM_HINT_T0);
    for (int half = 0; half < 2; ++half) {
      Codes w[8];
      unpack_strip<kPlanes>(chunk.codes[0] + strip * chunk.strip_bytes + 32 * half, table, w);
      if constexpr (kPlanes == CodePlanes::k8) {
        for (Codes& codes : w) codes = eight_bits(codes);  // turns them back: unsigned
      }
      const float* const scales = chunk.scales[0] + strip * kGroups * kPanelRows + 8 * half;
      const float* const minimums = chunk.minimums[0] + strip * kGroups * kPanelRows + 8 * half;
      __m256 scale[kGroups], minimum[kGroups];
      for (int g = 0; g < kGroups; ++g) {
        scale[g] = _mm256_loadu_ps(scales + g * kPanelRows);
        minimum[g] = kMinimum ? _mm256_loadu_ps(minimums + g * kPanelRows) : _mm256_setzero_ps();
      }
      const unsigned char* x = strip_x;
      float* acc = chunk.acc[0] + 8 * half;
      for (int64_t r = 0; r < chunk.rows; ++r, x += kRecord, acc += kPanelRows) {
        __m256 sum = _mm256_loadu_ps(acc);
        const __m256 x_scale = _mm256_set1_ps(number(x + kScale));
#pragma GCC unroll 2
        for (int g = 0; g < kGroups; ++g) {
          // Two sums for each output: one alone would wait for itself.
          __m256i dot =
              kMinimum ? _mm256_setzero_si256() : _mm256_set1_epi32(word(x + kAux + 4 * g));
          __m256i other = _mm256_setzero_si256();
#pragma GCC unroll 8
          for (int step = g * kSteps; step < (g + 1) * kSteps; ++step) {
            __m256i& to = kSteps == 8 && step % 2 == 1 ? other : dot;
            to = _mm256_dpbusd_avx_epi32(to, w[step], _mm256_set1_epi32(word(x + 4 * step)));
          }
          if constexpr (kSteps == 8) dot = _mm256_add_epi32(dot, other);
          const __m256 both = _mm256_mul_ps(scale[g], x_scale);
          sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot), both, sum);
          if constexpr (kMinimum) {
            const __m256 total = _mm256_set1_ps(number(x + kAux + 4 * g));
            sum = _mm256_fnmadd_ps(minimum[g], total, sum);
          }
        }
        _mm256_storeu_ps(acc, sum);
      }
    }
  }
}

}  // namespace
}  // namespace holdfast::cpu
