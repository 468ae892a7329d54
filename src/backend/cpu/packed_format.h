// Quantized weights as the kernels like them: sixteen rows side by side.
//
// All block formats are the same thing in different clothes: small integers in groups of 16 or 32
// columns, a scale for each group and row, for some a minimum as well:
//
//   w[k] = scale[g] * (code[k] - offset) - minimum[g]        g = k / group
//
// A panel holds 16 rows x all columns in chunks of 256 columns (the last may be smaller): a chunk
// holds its scales, padded to 64 bytes, and then the codes of its strips (32 columns), so that
// kernels read memory from front to back. A vector of 64 code bytes is one step: 4 columns of each
// of the 16 rows, so that a 4-byte dot-product instruction makes one sum for each row in a lane,
// and no sums across lanes are needed. Eight steps are a strip. Bits of codes lie in planes:
//
//   plane of 4 bits (256 bytes a strip): byte i of vector v holds step v in its low half, v + 4 in
//     its high half
//   plane of 2 bits (128 bytes): byte i of vector v holds steps 4 v + t at bits 2 t
//   plane of 1 bit (64 bytes): byte i holds step s at bit s
//   whole bytes (512 bytes)
//
// Packed weights are as large as the format's own blocks, but for padding: q3_K +1.8%, q6_K +1%,
// the last chunk of a panel and the rows that fill the last panel.
#pragma once

#include <cstdint>

namespace holdfast::cpu {

constexpr int kPanelRows = 16;
constexpr int kStripColumns = 32;
constexpr int kChunkColumns = 256;
constexpr int kStripCodes = kPanelRows * kStripColumns;  // 512, also the bytes of unpacked codes

enum class CodePlanes : int32_t { k2, k21, k4, k41, k42, k8, kTable };  // kTable: 4 bits, IQ4

// Scales of one block of 16 rows. "six": 6-bit integers, 16 or 8 for each row, as a plane of low
// halves and a plane of the high two bits: value v of n is in half v / (n/2) of byte row v % (n/2),
// and at bits 2 (v / (n/4)) of byte row v % (n/4). A byte row is 16 bytes, one for each weight row.
enum class ScaleForm : int32_t {
  kHalf,         // f16 [16]                                      q4_0 q5_0 q8_0 iq4_nl
  kHalfMinimum,  // f16 [16], f16 minimum [16], added             q4_1 q5_1
  kSixMinimum,   // f16 d [16], f16 dmin [16], six of 16: 8 scales, 8 minimums   q4_K q5_K
  kSix16,        // f16 d [16], six of 16, less 32                q3_K
  kSix8,         // f16 d [16], six of 8, less 32                 iq4_xs
  kBytes,        // f16 d [16], int8 [16][16]                     q6_K
  kNibbles,      // f16 d [16], f16 dmin [16], [16][16] bytes: scale low, minimum high   q2_K
};

struct PackedFormat {
  CodePlanes planes;
  ScaleForm scales;
  int32_t block;  // columns of one set of scales: 32 or 256
  int32_t group;  // columns of a scale: 16 or 32
  bool minimum;
  int32_t offset;       // subtracted from the code; for whole bytes: 128, or 0 with signed codes
  int32_t code_bits;    // codes are below 2^code_bits
  int32_t strip_bytes;  // codes of a strip, packed
  int32_t scale_bytes;  // scales of a block, packed
};

// Of a chunk of so many columns (whole blocks), and of its part before the codes.
constexpr int64_t chunk_scale_bytes(const PackedFormat& format, int64_t columns) {
  return (columns / format.block * format.scale_bytes + 63) / 64 * 64;
}
constexpr int64_t chunk_bytes(const PackedFormat& format, int64_t columns) {
  return chunk_scale_bytes(format, columns) + columns / kStripColumns * format.strip_bytes;
}
constexpr int64_t panel_bytes(const PackedFormat& format, int64_t columns) {
  return columns / kChunkColumns * chunk_bytes(format, kChunkColumns) +
         chunk_bytes(format, columns % kChunkColumns);
}

}  // namespace holdfast::cpu
