// Single codes and scales out of packed panels, in portable code: for the generic kernels and for
// looking up one row. The layout: packed_format.h.
#pragma once

#include <cstdint>
#include <cstring>

#include "backend/cpu/float16.h"
#include "backend/cpu/packed_format.h"
#include "tensor/iq4_values.h"

namespace holdfast::cpu {

// Byte i of step `step` of an unpacked strip.
inline int unpack_code(CodePlanes planes, const unsigned char* strip, int step, int i) {
  const auto four = [&] { return strip[step % 4 * 64 + i] >> (step / 4 * 4) & 15; };
  const auto two = [&](int at) { return strip[at + step / 4 * 64 + i] >> (step % 4 * 2) & 3; };
  const auto one = [&](int at) { return strip[at + i] >> step & 1; };
  switch (planes) {
    case CodePlanes::k8:
      return strip[step * 64 + i];
    case CodePlanes::k4:
      return four();
    case CodePlanes::kTable:
      return codec::kIq4Values[static_cast<std::size_t>(four())] + 128;
    case CodePlanes::k41:
      return four() | one(256) << 4;
    case CodePlanes::k42:
      return four() | two(256) << 4;
    case CodePlanes::k2:
      return two(0);
    case CodePlanes::k21:
      return two(0) | one(128) << 2;
  }
  return 0;
}

inline float half_at(const unsigned char* from, int row) {
  uint16_t bits;
  std::memcpy(&bits, from + 2 * row, 2);
  return half_to_float(bits);
}

// Value v of the n six-bit integers of a row.
inline int six_at(const unsigned char* from, int n, int v, int row) {
  const int low = from[v % (n / 2) * kPanelRows + row] >> (v / (n / 2) * 4) & 15;
  const int high = from[(n / 2 + v % (n / 4)) * kPanelRows + row] >> (v / (n / 4) * 2) & 3;
  return low | high << 4;
}

struct RowScale {
  float scale, minimum;
};

// Of group g of the block whose scales start at p.
inline RowScale row_scale(ScaleForm form, const unsigned char* p, int g, int row) {
  const float d = half_at(p, row);
  const auto times = [](float x, int n) { return x * static_cast<float>(n); };
  switch (form) {
    case ScaleForm::kHalf:
      return {d, 0.0f};
    case ScaleForm::kHalfMinimum:
      return {d, -half_at(p + 32, row)};
    case ScaleForm::kSixMinimum:
      return {times(d, six_at(p + 64, 16, g, row)),
              times(half_at(p + 32, row), six_at(p + 64, 16, 8 + g, row))};
    case ScaleForm::kSix16:
      return {times(d, six_at(p + 32, 16, g, row) - 32), 0.0f};
    case ScaleForm::kSix8:
      return {times(d, six_at(p + 32, 8, g, row) - 32), 0.0f};
    case ScaleForm::kBytes:
      return {times(d, static_cast<int8_t>(p[32 + g * kPanelRows + row])), 0.0f};
    case ScaleForm::kNibbles: {
      const unsigned char both = p[64 + g * kPanelRows + row];
      return {times(d, both & 15), times(half_at(p + 32, row), both >> 4)};
    }
  }
  return {};
}

}  // namespace holdfast::cpu
