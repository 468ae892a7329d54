// Packed codes to bytes, in the order in which they lie (packed_format.h): the same steps for every
// width of vector. An instruction set's
// vec.h, included before, provides
//
//   Codes                      a vector of bytes
//   load_codes, either         as many bytes from memory; the bits of one or the other
//   shift_bits<n>(v, mask)     the bytes of v shifted right by n, or left by -n, then masked
//   look_up(table, v)          table[code] for each byte
//   eight_bits(v)              codes of 8 bits as the kernels want them
//
// Shifts may work on pairs of bytes: the masks take away what comes from a neighbour.
#pragma once

#include "backend/cpu/packed_format.h"
#include "tensor/iq4_values.h"

namespace holdfast::cpu {
namespace {

// Bits `kStep` of every byte, moved to bit kTo.
template <int kStep, int kTo>
inline Codes one_bit(Codes plane) {
  return shift_bits<kStep - kTo>(plane, 1 << kTo);
}
template <int kStep, int kTo>
inline Codes two_bits(Codes plane) {
  return shift_bits<2 * (kStep % 4) - kTo>(plane, 3 << kTo);
}

template <CodePlanes kPlanes, int kStep>
inline Codes unpack_step(const unsigned char* strip, Codes table) {
  if constexpr (kPlanes == CodePlanes::k8) {
    return eight_bits(load_codes(strip + kStep * 64));
  } else if constexpr (kPlanes == CodePlanes::k2 || kPlanes == CodePlanes::k21) {
    Codes code = two_bits<kStep, 0>(load_codes(strip + kStep / 4 * 64));
    if constexpr (kPlanes == CodePlanes::k21)
      code = either(code, one_bit<kStep, 2>(load_codes(strip + 128)));
    return code;
  } else {
    Codes code = shift_bits<kStep / 4 * 4>(load_codes(strip + kStep % 4 * 64), 15);
    if constexpr (kPlanes == CodePlanes::kTable) code = look_up(table, code);
    if constexpr (kPlanes == CodePlanes::k41)
      code = either(code, one_bit<kStep, 4>(load_codes(strip + 256)));
    if constexpr (kPlanes == CodePlanes::k42)
      code = either(code, two_bits<kStep, 4>(load_codes(strip + 256 + kStep / 4 * 64)));
    return code;
  }
}

// The eight steps of a strip; of a vector's part of it, from the part's first byte on.
template <CodePlanes kPlanes>
inline void unpack_strip(const unsigned char* strip, Codes table, Codes* w) {
  w[0] = unpack_step<kPlanes, 0>(strip, table);
  w[1] = unpack_step<kPlanes, 1>(strip, table);
  w[2] = unpack_step<kPlanes, 2>(strip, table);
  w[3] = unpack_step<kPlanes, 3>(strip, table);
  w[4] = unpack_step<kPlanes, 4>(strip, table);
  w[5] = unpack_step<kPlanes, 5>(strip, table);
  w[6] = unpack_step<kPlanes, 6>(strip, table);
  w[7] = unpack_step<kPlanes, 7>(strip, table);
}

// The sixteen values of kTable's codes plus `offset`, in 16 aligned bytes.
template <int kOffset>
inline const uint8_t* iq4_values() {
  alignas(16) static constexpr auto kTable = [] {
    struct {
      uint8_t values[16];
    } t{};
    for (int i = 0; i < 16; ++i)
      t.values[i] = static_cast<uint8_t>(codec::kIq4Values[static_cast<unsigned>(i)] + kOffset);
    return t;
  }();
  return kTable.values;
}

}  // namespace
}  // namespace holdfast::cpu
