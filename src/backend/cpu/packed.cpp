#include "backend/cpu/packed.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "backend/cpu/packed_blocks.h"
#include "backend/cpu/packed_codes.h"

namespace holdfast::cpu {
namespace {

struct Entry {
  DType type;
  PackedFormat format;
};
constexpr std::array kFormats{
    Entry{DType::kQ4_0, {CodePlanes::k4, ScaleForm::kHalf, 32, 32, false, 8, 4, 256, 32}},
    Entry{DType::kQ4_1, {CodePlanes::k4, ScaleForm::kHalfMinimum, 32, 32, true, 0, 4, 256, 64}},
    Entry{DType::kQ5_0, {CodePlanes::k41, ScaleForm::kHalf, 32, 32, false, 16, 5, 320, 32}},
    Entry{DType::kQ5_1, {CodePlanes::k41, ScaleForm::kHalfMinimum, 32, 32, true, 0, 5, 320, 64}},
    Entry{DType::kQ8_0, {CodePlanes::k8, ScaleForm::kHalf, 32, 32, false, 128, 8, 512, 32}},
    Entry{DType::kIQ4_NL, {CodePlanes::kTable, ScaleForm::kHalf, 32, 32, false, 128, 8, 256, 32}},
    Entry{DType::kQ2_K, {CodePlanes::k2, ScaleForm::kNibbles, 256, 16, true, 0, 2, 128, 320}},
    Entry{DType::kQ3_K, {CodePlanes::k21, ScaleForm::kSix16, 256, 16, false, 4, 3, 192, 224}},
    Entry{DType::kQ4_K, {CodePlanes::k4, ScaleForm::kSixMinimum, 256, 32, true, 0, 4, 256, 256}},
    Entry{DType::kQ5_K, {CodePlanes::k41, ScaleForm::kSixMinimum, 256, 32, true, 0, 5, 320, 256}},
    Entry{DType::kQ6_K, {CodePlanes::k42, ScaleForm::kBytes, 256, 16, false, 32, 6, 384, 288}},
    Entry{DType::kIQ4_XS, {CodePlanes::kTable, ScaleForm::kSix8, 256, 32, false, 128, 8, 256, 128}},
};

using Bytes = uint8_t __attribute__((vector_size(16)));

// The 32 codes of one row of a strip into the planes: four bytes are one step.
template <CodePlanes kPlanes>
inline void pack_row(const uint8_t* codes, unsigned char* to) {
  const auto put = [&](int at, uint32_t word) { std::memcpy(to + at, &word, 4); };
  // Four steps, one into each of four vectors.
  const auto put_four = [&](Bytes steps) {
    uint32_t words[4];
    std::memcpy(words, &steps, sizeof words);
    for (int v = 0; v < 4; ++v) put(v * 64, words[v]);
  };
  Bytes low, high;
  std::memcpy(&low, codes, sizeof low);
  std::memcpy(&high, codes + sizeof low, sizeof high);
  uint32_t steps[8];
  // Planes of 2 bits or of 1 bit, from bit `from` of the codes. No shift moves a bit over the edge
  // of its byte.
  const auto twos = [&](int at, int from) {
    for (int v = 0; v < 2; ++v) {
      uint32_t word = 0;
      for (int t = 0; t < 4; ++t) word |= (steps[4 * v + t] >> from & 0x03030303) << (2 * t);
      put(at + v * 64, word);
    }
  };
  const auto ones = [&](int at, int from) {
    uint32_t word = 0;
    for (int step = 0; step < 8; ++step) word |= (steps[step] >> from & 0x01010101) << step;
    put(at, word);
  };
  std::memcpy(steps, codes, sizeof steps);
  if constexpr (kPlanes == CodePlanes::k8) {
    put_four(low);
    to += 256;
    put_four(high);
  } else if constexpr (kPlanes == CodePlanes::k2 || kPlanes == CodePlanes::k21) {
    twos(0, 0);
    if constexpr (kPlanes == CodePlanes::k21) ones(128, 2);
  } else {
    put_four((low & 15) | (high & 15) << 4);
    if constexpr (kPlanes == CodePlanes::k41) ones(256, 4);
    if constexpr (kPlanes == CodePlanes::k42) twos(256, 4);
  }
}

template <CodePlanes kPlanes>
void pack_strip(const uint8_t (*codes)[kPackBlock], int column, unsigned char* to) {
  for (int row = 0; row < kPanelRows; ++row) pack_row<kPlanes>(codes[row] + column, to + row * 4);
}

using PackStrip = void (*)(const uint8_t (*codes)[kPackBlock], int column, unsigned char* to);

PackStrip strip_packer(CodePlanes planes) {
  switch (planes) {
    case CodePlanes::k8:
      return pack_strip<CodePlanes::k8>;
    case CodePlanes::k4:
    case CodePlanes::kTable:
      return pack_strip<CodePlanes::k4>;
    case CodePlanes::k41:
      return pack_strip<CodePlanes::k41>;
    case CodePlanes::k42:
      return pack_strip<CodePlanes::k42>;
    case CodePlanes::k2:
      return pack_strip<CodePlanes::k2>;
    case CodePlanes::k21:
      return pack_strip<CodePlanes::k21>;
  }
  return nullptr;
}

// Reads bytes once from front to back, as processors fetch them fastest.
void touch(const uint8_t* bytes, int64_t size) {
  const volatile uint8_t* from = bytes;
  for (int64_t i = 0; i < size; i += 64) (void)from[i];
}

void put_half(unsigned char* to, int row, uint16_t bits) { std::memcpy(to + 2 * row, &bits, 2); }

// Value v of n six-bit integers of a row, in the planes described in packed.h.
void put_six(unsigned char* to, int n, int v, int row, unsigned value) {
  unsigned char& low = to[v % (n / 2) * kPanelRows + row];
  low = static_cast<unsigned char>(low | (value & 15) << (v / (n / 2) * 4));
  unsigned char& high = to[(n / 2 + v % (n / 4)) * kPanelRows + row];
  high = static_cast<unsigned char>(high | (value >> 4) << (v / (n / 4) * 2));
}

void pack_scales(const PackedFormat& format, const BlockScales& s, int row, unsigned char* to) {
  put_half(to, row, s.d);
  switch (format.scales) {
    case ScaleForm::kHalf:
      break;
    case ScaleForm::kHalfMinimum:
      put_half(to + 32, row, s.dmin);
      break;
    case ScaleForm::kSixMinimum:
      put_half(to + 32, row, s.dmin);
      for (int g = 0; g < 8; ++g) {
        put_six(to + 64, 16, g, row, s.scale[g]);
        put_six(to + 64, 16, 8 + g, row, s.minimum[g]);
      }
      break;
    case ScaleForm::kSix16:
      for (int g = 0; g < 16; ++g) put_six(to + 32, 16, g, row, s.scale[g]);
      break;
    case ScaleForm::kSix8:
      for (int g = 0; g < 8; ++g) put_six(to + 32, 8, g, row, s.scale[g]);
      break;
    case ScaleForm::kBytes:
      for (int g = 0; g < 16; ++g) to[32 + g * kPanelRows + row] = s.scale[g];
      break;
    case ScaleForm::kNibbles:
      put_half(to + 32, row, s.dmin);
      for (int g = 0; g < 16; ++g) {
        to[64 + g * kPanelRows + row] = static_cast<unsigned char>(s.scale[g] | s.minimum[g] << 4);
      }
      break;
  }
}

}  // namespace

const PackedFormat* packed_format(DType type) {
  const auto it = std::ranges::find(kFormats, type, &Entry::type);
  return it == kFormats.end() ? nullptr : &it->format;
}

void pack_panel(const PackedFormat& format, const TensorView& weight, int64_t first,
                unsigned char* to) {
  const int64_t columns = weight.cols();
  const int64_t row_size =
      static_cast<int64_t>(row_bytes(weight.type, static_cast<uint64_t>(columns)));
  const int64_t block_size = row_size / (columns / format.block);
  const auto* rows = reinterpret_cast<const uint8_t*>(weight.bytes.data()) + first * row_size;
  const auto count = static_cast<int>(std::min<int64_t>(kPanelRows, weight.rows() - first));
  uint8_t codes[kPanelRows][kPackBlock] = {};
  const PackStrip pack_strip = strip_packer(format.planes);
  touch(rows, count * row_size);  // what follows reads sixteen short pieces at a time
  std::memset(to, 0, static_cast<std::size_t>(panel_bytes(format, columns)));
  for (int64_t chunk = 0; chunk < columns; chunk += kChunkColumns) {
    const int64_t end = std::min(columns, chunk + kChunkColumns);
    unsigned char* strip = to + chunk_scale_bytes(format, end - chunk);
    for (int64_t k = chunk; k < end; k += format.block, to += format.scale_bytes) {
      for (int row = 0; row < count; ++row) {
        BlockScales scales{};
        const uint8_t* block = rows + row * row_size + k / format.block * block_size;
        split_block(weight.type, block, codes[row], scales);
        pack_scales(format, scales, row, to);
      }
      for (int column = 0; column < format.block; column += kStripColumns) {
        pack_strip(codes, column, strip);
        strip += format.strip_bytes;
      }
    }
    to = strip;
  }
}

void decode_panel_row(const PackedFormat& format, const unsigned char* panel, int64_t columns,
                      int row, float* out) {
  for (int64_t chunk = 0; chunk < columns; chunk += kChunkColumns) {
    const int64_t n = std::min<int64_t>(kChunkColumns, columns - chunk);
    const unsigned char* codes = panel + chunk_scale_bytes(format, n);
    for (int64_t k = 0; k < n; k += format.group) {
      const auto [scale, minimum] =
          row_scale(format.scales, panel + k / format.block * format.scale_bytes,
                    static_cast<int>(k % format.block / format.group), row);
      const unsigned char* strip = codes + k / kStripColumns * format.strip_bytes;
      for (int i = 0; i < format.group; ++i) {
        const int at = static_cast<int>(k % kStripColumns) + i;
        const int code = unpack_code(format.planes, strip, at / 4, row * 4 + at % 4);
        out[chunk + k + i] = scale * static_cast<float>(code - format.offset) - minimum;
      }
    }
    panel += chunk_bytes(format, n);
  }
}

}  // namespace holdfast::cpu
