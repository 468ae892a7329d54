// The kernels of shared/ for this instruction set.
#include "backend/cpu/kernels.h"

#include "backend/cpu/neon/int16.h"
#include "backend/cpu/neon/int8.h"
#include "backend/cpu/neon/vec.h"
#include "backend/cpu/shared/attention.inl"
#include "backend/cpu/shared/attention_int.inl"
#include "backend/cpu/shared/elementwise.inl"
#include "backend/cpu/shared/float_linear.inl"
#include "backend/cpu/shared/packed_linear.inl"
#include "backend/cpu/shared/table.inl"

namespace holdfast::cpu {

const Kernels* neon_kernels() { return &kTable; }

}  // namespace holdfast::cpu
