// Packed weights times quantized activations with AVX-512 VNNI.
//
// vpdpbusd multiplies 64 unsigned codes with 64 signed ones and adds groups of four to 16 sums: one
// step of a panel (16 rows x 4 columns) for one activation row, whose 4 bytes are broadcast. Signs
// cost nothing: sums start at -offset * sum(x), ready-made in the activations.
//
// Registers: the 8 steps of a strip of two panels (16), their scales and minimums (4 to 8), and for
// the row that passes two sums of integers and two of floats. A row and a strip of two panels take
// 16 vpdpbusd, two products of scales and two multiply-adds (four with minimums) on the two
// multiplying ports: at most 80% (73% with minimums) of the vpdpbusd peak; 8 broadcasts, 2 loads
// and 2 stores of sums go beside them. Memory: the packed weights once for all rows of a block; a
// strip of 4-bit codes costs some 35 instructions to decode, for each row 30 more.
#pragma once

#include "backend/cpu/avx512/unpack.h"
#include "backend/cpu/shared/chunk.h"

namespace holdfast::cpu {
namespace {

constexpr int kPanels = 2;
constexpr bool kSignedBytes = false;

// codes = round(x / scale), scale = max |x| / 127; sums of the two halves' codes.
inline float quantize_strip(const float* x, unsigned char* codes, int32_t* sums) {
  const __m512 a = _mm512_loadu_ps(x), b = _mm512_loadu_ps(x + 16);
  const float largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(a), _mm512_abs_ps(b)));
  const float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
  const __m512 factor = _mm512_set1_ps(inverse);
  const __m512i p = _mm512_cvtps_epi32(_mm512_mul_ps(a, factor));
  const __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(b, factor));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(codes), _mm512_cvtsepi32_epi8(p));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + 16), _mm512_cvtsepi32_epi8(q));
  sums[0] = _mm512_reduce_add_epi32(p);
  sums[1] = _mm512_reduce_add_epi32(q);
  return largest / 127.0f;
}

template <CodePlanes kPlanes, int kGroups, bool kMinimum, int P>
void multiply(const Chunk& chunk) {
  constexpr int kSteps = 8 / kGroups;
  constexpr int kScale = kStripColumns, kAux = kScale + 4, kRecord = kAux + 4 * kGroups;
  const __m512i table = kPlanes == CodePlanes::kTable ? iq4_table() : _mm512_setzero_si512();
  const unsigned char* x = chunk.x;
  for (int strip = 0; strip < chunk.strips; ++strip) {
    __m512i w[P][8];
    __m512 scale[P][kGroups], minimum[P][kGroups];
    float* acc[P];
#pragma GCC unroll 2
    for (int p = 0; p < P; ++p) {
      for (int at = 0; at < chunk.ahead_bytes; at += 64)
        _mm_prefetch(chunk.ahead[p] + strip * chunk.ahead_bytes + at, _MM_HINT_T0);
      unpack_strip<kPlanes>(chunk.codes[p] + strip * chunk.strip_bytes, table, w[p]);
      for (int g = 0; g < kGroups; ++g) {
        scale[p][g] = _mm512_load_ps(chunk.scales[p] + (strip * kGroups + g) * kPanelRows);
        if constexpr (kMinimum)
          minimum[p][g] = _mm512_load_ps(chunk.minimums[p] + (strip * kGroups + g) * kPanelRows);
      }
      acc[p] = chunk.acc[p];
    }
    for (int64_t r = 0; r < chunk.rows; ++r, x += kRecord) {
      __m512 sum[P];
      for (int p = 0; p < P; ++p) sum[p] = _mm512_loadu_ps(acc[p]);
      const __m512 x_scale = _mm512_set1_ps(number(x + kScale));
#pragma GCC unroll 2
      for (int g = 0; g < kGroups; ++g) {
        // Two sums for each output: one alone would wait for itself.
        __m512i dot[P], other[P];
        for (int p = 0; p < P; ++p) {
          dot[p] = kMinimum ? _mm512_setzero_si512() : _mm512_set1_epi32(word(x + kAux + 4 * g));
          other[p] = _mm512_setzero_si512();
        }
#pragma GCC unroll 8
        for (int step = g * kSteps; step < (g + 1) * kSteps; ++step) {
          const __m512i v = _mm512_set1_epi32(word(x + 4 * step));
          for (int p = 0; p < P; ++p) {
            __m512i& sums = kSteps == 8 && step % 2 == 1 ? other[p] : dot[p];
            sums = _mm512_dpbusd_epi32(sums, w[p][step], v);
          }
        }
        if constexpr (kSteps == 8) {
          for (int p = 0; p < P; ++p) dot[p] = _mm512_add_epi32(dot[p], other[p]);
        }
        for (int p = 0; p < P; ++p) {
          const __m512 both = _mm512_mul_ps(scale[p][g], x_scale);
          sum[p] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[p]), both, sum[p]);
          if constexpr (kMinimum) {
            const __m512 total = _mm512_set1_ps(number(x + kAux + 4 * g));
            sum[p] = _mm512_fnmadd_ps(minimum[p][g], total, sum[p]);
          }
        }
      }
      for (int p = 0; p < P; ++p) {
        _mm512_storeu_ps(acc[p], sum[p]);
        acc[p] += kPanelRows;
      }
    }
  }
}

}  // namespace
}  // namespace holdfast::cpu
