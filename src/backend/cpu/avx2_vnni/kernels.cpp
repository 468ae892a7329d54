// The kernels of shared/ for AVX2 with AVX-VNNI: those of AVX2, but for products of integers, which
// one instruction makes and adds up: VPDPBUSD for packed weights, VPDPWSSD (in avx2/int16.h) for
// attention.
#include "backend/cpu/kernels.h"

#include "backend/cpu/avx2/int16.h"
#include "backend/cpu/avx2/vec.h"
#include "backend/cpu/avx2_vnni/int8.h"
#include "backend/cpu/shared/attention.inl"
#include "backend/cpu/shared/attention_int.inl"
#include "backend/cpu/shared/elementwise.inl"
#include "backend/cpu/shared/float_linear.inl"
#include "backend/cpu/shared/packed_linear.inl"
#include "backend/cpu/shared/table.inl"

namespace holdfast::cpu {

const Kernels* avx2_vnni_kernels() { return &kTable; }

}  // namespace holdfast::cpu
