// The kernels for any machine.
#include "backend/cpu/kernels.h"

#include "backend/cpu/generic/int16.h"
#include "backend/cpu/generic/int8.h"
#include "backend/cpu/generic/vec.h"
#include "backend/cpu/shared/attention.inl"
#include "backend/cpu/shared/attention_int.inl"
#include "backend/cpu/shared/elementwise.inl"
#include "backend/cpu/shared/float_linear.inl"
#include "backend/cpu/shared/packed_linear.inl"
#include "backend/cpu/shared/table.inl"

namespace holdfast::cpu {

const Kernels& generic_kernels() { return kTable; }

}  // namespace holdfast::cpu
