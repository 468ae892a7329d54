// The reference encode and decode of every computed data type, in plain C++.
// Decoding is bit-equal to gguf-py's `quants.dequantize`; encoding follows the layouts of
// ggml-common.h.
#pragma once

#include <cstdint>

#include "tensor/dtype.h"

namespace holdfast {

// Decodes `n` values (a multiple of the block size) from `src` into `dst`. CHECKs that `type` is
// computed; kF8_E4M3 decodes without its block scales.
void dequantize(DType type, const void* src, float* dst, int64_t n);

// Encodes `n` values (a multiple of the block size). `importance` (n weights, e.g. mean squared
// activations) may be null.
void quantize(DType type, const float* src, void* dst, int64_t n,
              const float* importance = nullptr);

float f16_to_f32(uint16_t bits);
uint16_t f32_to_f16(float value);  // round to nearest even
float bf16_to_f32(uint16_t bits);
uint16_t f32_to_bf16(float value);  // round to nearest even; NaN stays NaN
float f8_e4m3_to_f32(uint8_t bits);

}  // namespace holdfast
