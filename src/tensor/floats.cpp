// Conversions of the 16- and 8-bit floats, in integer arithmetic: the same bits on every machine.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "tensor/block_codecs.h"
#include "tensor/blocks.h"

namespace holdfast {

float f16_to_f32(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fu;
  const uint32_t mantissa = bits & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent == 0) {  // subnormal: mantissa * 2^-24, exact in binary32
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
  }
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t f32_to_f16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u)  // NaN: quiet, with what fits of its payload
    return static_cast<uint16_t>(sign | 0x7e00u | (magnitude >> 13 & 0x3ffu));
  if (magnitude >= 0x477ff000u) return sign | 0x7c00u;  // rounds to 2^16 or beyond: infinity
  if (magnitude < 0x38800000u) {                        // below 2^-14: subnormal, in units of 2^-24
    // Adding 0.5 puts the unit of 2^-24 at the last bit of the sum, so the addition itself rounds
    // to nearest even.
    const float sum = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(sum) - 0x3f000000u));
  }
  const uint32_t odd = magnitude >> 13 & 1u;
  return static_cast<uint16_t>(sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13));
}

float bf16_to_f32(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

uint16_t f32_to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(bits >> 16 | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

namespace {

// OCP 8-bit float E4M3 (arXiv 2209.05433): bias 7, no infinities, NaN where all bits are set.
constexpr std::array<float, 256> make_e4m3() {
  std::array<float, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    const uint32_t exponent = i >> 3 & 0xfu;
    const uint32_t mantissa = i & 7u;
    float value = exponent == 0 ? static_cast<float>(mantissa) : static_cast<float>(8 + mantissa);
    value *= 0x1p-9f;  // the unit of the subnormals
    for (uint32_t e = 1; e < exponent; ++e) value *= 2.0f;
    if ((i & 0x7fu) == 0x7fu) value = std::bit_cast<float>(0x7fc00000u);
    table[i] = (i & 0x80u) != 0 ? -value : value;
  }
  return table;
}

constexpr std::array<float, 256> kE4M3 = make_e4m3();

}  // namespace

float f8_e4m3_to_f32(uint8_t bits) { return kE4M3[bits]; }

namespace codec {

void decode_f32(const uint8_t* src, float* dst, int64_t n) {
  std::memcpy(dst, src, static_cast<std::size_t>(n) * sizeof(float));
}

void decode_f16(const uint8_t* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; ++i) dst[i] = f16_to_f32(load_u16(src + 2 * i));
}

void decode_bf16(const uint8_t* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; ++i) dst[i] = bf16_to_f32(load_u16(src + 2 * i));
}

void decode_f8_e4m3(const uint8_t* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; ++i) dst[i] = kE4M3[src[i]];
}

float store_scale(float scale, uint8_t* dst) {
  const float finite = std::isnan(scale) ? 0.0f : std::clamp(scale, -65504.0f, 65504.0f);
  const uint16_t bits = f32_to_f16(finite);
  std::memcpy(dst, &bits, sizeof bits);
  return f16_to_f32(bits);
}

void encode_f32(const float* src, uint8_t* dst, int64_t n, const float*) {
  std::memcpy(dst, src, static_cast<std::size_t>(n) * sizeof(float));
}

void encode_f16(const float* src, uint8_t* dst, int64_t n, const float*) {
  for (int64_t i = 0; i < n; ++i) {
    const uint16_t bits = f32_to_f16(src[i]);
    std::memcpy(dst + 2 * i, &bits, sizeof bits);
  }
}

void encode_bf16(const float* src, uint8_t* dst, int64_t n, const float*) {
  for (int64_t i = 0; i < n; ++i) {
    const uint16_t bits = f32_to_bf16(src[i]);
    std::memcpy(dst + 2 * i, &bits, sizeof bits);
  }
}

// To the nearest; ties to the even code. Beyond the greatest value (448) saturates.
void encode_f8_e4m3(const float* src, uint8_t* dst, int64_t n, const float*) {
  for (int64_t i = 0; i < n; ++i) {
    const float magnitude = std::fabs(src[i]);
    const auto sign = static_cast<uint8_t>(std::signbit(src[i]) ? 0x80 : 0);
    if (std::isnan(magnitude)) {
      dst[i] = sign | 0x7f;
      continue;
    }
    // Codes 0 to 0x7e ascend.
    const auto* above = std::lower_bound(kE4M3.begin(), kE4M3.begin() + 0x7f, magnitude);
    auto code = static_cast<int>(above - kE4M3.begin());
    if (code == 0x7f) {
      code = 0x7e;
    } else if (code > 0) {
      const float to_below = magnitude - above[-1], to_above = *above - magnitude;
      if (to_below < to_above || (to_below == to_above && code % 2 == 1)) --code;
    }
    dst[i] = static_cast<uint8_t>(sign | code);
  }
}

}  // namespace codec
}  // namespace holdfast
