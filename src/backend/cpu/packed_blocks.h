// One block of a GGUF type taken apart: codes and scales as integers, before they are packed.
#pragma once

#include <cstdint>

#include "tensor/dtype.h"

namespace holdfast::cpu {

constexpr int kPackBlock = 256;

struct BlockScales {
  uint16_t d = 0, dmin = 0;  // f16
  // Sub-block scales as unsigned bits: 6-bit ones still carry their offset of 32, those of q6_K are
  // int8.
  uint8_t scale[16] = {}, minimum[16] = {};
};

// codes: [block size], without sign: w = scale * (code - PackedFormat::offset) - minimum. IQ4:
// indices into the table.
void split_block(DType type, const uint8_t* block, uint8_t* codes, BlockScales& scales);

}  // namespace holdfast::cpu
