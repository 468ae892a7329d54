// Packed weights times quantized activations with AVX2.
//
// vpmaddubsw multiplies 32 unsigned codes with 32 signed ones and adds pairs in 16 bits: one step
// of half a panel (8 rows x 4 columns) for one activation row. How many steps those 16 bits hold
// depends on the codes: 2 * 127 * 15 * 8 = 30480 for a whole group of 4-bit codes, 4 steps of 5
// bits, 2 of 6 bits. 8-bit codes are taken as signed (sign moved to the activations, vpsignb; 2 *
// 127 * 128 fits) and widened at every step.
//
// Registers: the 8 steps of a strip of half a panel (8), ones, scale and minimum, and for the row
// that passes an activation, a product, a sum of 16 and one of 32 bits. A row and a strip of half a
// panel of 4-bit codes take 8 vpmaddubsw, 1 vpmaddwd and 3 products of floats on the two
// multiplying ports: two thirds of the vpmaddubsw peak; 7 additions, 11 loads and a store go beside
// them.
#pragma once

#include "backend/cpu/avx2/quantize.h"
#include "backend/cpu/avx2/unpack.h"
#include "backend/cpu/shared/chunk.h"

namespace holdfast::cpu {
namespace {

constexpr int kPanels = 1;
constexpr bool kSignedBytes = true;

// Steps that 16-bit sums hold; 0 for signed bytes.
constexpr int steps_held(CodePlanes planes) {
  switch (planes) {
    case CodePlanes::k8:
    case CodePlanes::kTable:
      return 0;
    case CodePlanes::k42:
      return 2;
    case CodePlanes::k41:
      return 4;
    default:
      return 8;
  }
}

// The compiler would add in the order of a tree and then lack registers, or load what stays the
// same for one more temporary; loads are as scarce as products.
inline void in_this_order(__m256i& sum) { asm("" : "+x"(sum)); }
inline void keep_in_registers(__m256& a, __m256& b) { asm("" : "+x"(a), "+x"(b)); }

template <CodePlanes kPlanes, int kGroups, bool kMinimum, int>
void multiply(const Chunk& chunk) {
  constexpr int kSteps = 8 / kGroups, kHold = steps_held(kPlanes);
  constexpr int kRun = kHold == 0 ? 1 : kHold < kSteps ? kHold : kSteps;  // steps in 16 bits
  constexpr int kScale = kStripColumns, kAux = kScale + 4, kRecord = kAux + 4 * kGroups;
  const __m256i ones = _mm256_set1_epi16(1);
  const __m256i table = kPlanes == CodePlanes::kTable ? iq4_table<0>() : _mm256_setzero_si256();
  for (int strip = 0; strip < chunk.strips; ++strip) {
    const unsigned char* const strip_x = chunk.x + strip * chunk.rows * kRecord;
    for (int at = 0; at < chunk.ahead_bytes; at += 64)
      _mm_prefetch(chunk.ahead[0] + strip * chunk.ahead_bytes + at, _MM_HINT_T0);
    for (int half = 0; half < 2; ++half) {
      __m256i w[8];
      alignas(32) uint8_t bytes[256];  // the codes with their signs
      unpack_strip<kPlanes>(chunk.codes[0] + strip * chunk.strip_bytes + 32 * half, table, w);
      if constexpr (kHold == 0) {
        for (int step = 0; step < 8; ++step) {
          _mm256_store_si256(reinterpret_cast<__m256i*>(bytes + 32 * step), w[step]);
          w[step] = _mm256_abs_epi8(w[step]);
        }
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
        if constexpr (kHold == 8 && kGroups == 1) keep_in_registers(scale[0], minimum[0]);
        __m256 sum = _mm256_loadu_ps(acc);
        const __m256 x_scale = _mm256_set1_ps(number(x + kScale));
        for (int g = 0; g < kGroups; ++g) {
          __m256i dot = kMinimum || kHold == 0 ? _mm256_setzero_si256()
                                               : _mm256_set1_epi32(word(x + kAux + 4 * g));
#pragma GCC unroll 8
          for (int begin = g * kSteps; begin < (g + 1) * kSteps; begin += kRun) {
            __m256i pairs = _mm256_setzero_si256();
#pragma GCC unroll 8
            for (int step = begin; step < begin + kRun; ++step) {
              __m256i v = _mm256_set1_epi32(word(x + 4 * step));
              if constexpr (kHold == 0) v = _mm256_sign_epi8(v, load_codes(bytes + 32 * step));
              const __m256i product = _mm256_maddubs_epi16(w[step], v);
              pairs = step == begin ? product : _mm256_add_epi16(pairs, product);
              if constexpr (kHold > 0) in_this_order(pairs);
            }
            dot = _mm256_add_epi32(dot, _mm256_madd_epi16(pairs, ones));
          }
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
