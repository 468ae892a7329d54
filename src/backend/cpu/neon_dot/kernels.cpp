// NEON with dot products: the NEON kernels, but for packed weights, whose products with quantized
// activations are made and added up four at a time by SDOT.
#include "backend/cpu/kernels.h"

#include "backend/cpu/neon_dot/int8.h"
#include "backend/cpu/shared/packed_linear.inl"

namespace holdfast::cpu {

const Kernels* neon_dot_kernels() {
  static const Kernels table = [] {
    Kernels kernels = *neon_kernels();
    kernels.isa = "neon_dot";
    kernels.quantize = quantize_block;
    kernels.packed_panels = packed_panels;
    return kernels;
  }();
  return &table;
}

}  // namespace holdfast::cpu
