// What portable C++ reaches, as the compiler vectorizes it.
#include "backend/cpu/peak_loops.h"

#include <cstring>

namespace holdfast::cpu {
namespace {

constexpr int kLanes = 64;  // independent sums: enough for any latency

int64_t read(const unsigned char* data, int64_t bytes) {
  uint64_t sums[8] = {};
  for (int64_t i = 0; i < bytes; i += sizeof(sums)) {
    uint64_t words[8];
    std::memcpy(words, data + i, sizeof(words));
    for (int k = 0; k < 8; ++k) sums[k] ^= words[k];
  }
  uint64_t all = 0;
  for (const uint64_t sum : sums) all ^= sum;
  return static_cast<int64_t>(all);
}

int64_t fp32(int64_t rounds) {
  volatile float opaque = 0.999f;
  const float factor = opaque;
  float sums[kLanes];
  for (int k = 0; k < kLanes; ++k) sums[k] = opaque * static_cast<float>(k);  // none like another
  for (int64_t i = 0; i < rounds; ++i) {
    for (float& sum : sums) sum = sum * factor + 1.0f;
  }
  float all = 0.0f;
  for (const float sum : sums) all += sum;
  return static_cast<int64_t>(all);
}

int64_t int8(int64_t rounds) {
  int16_t codes[kLanes];
  for (int k = 0; k < kLanes; ++k) {
    volatile int opaque = k % 7 - 3;
    codes[k] = static_cast<int16_t>(opaque);
  }
  uint32_t sums[kLanes] = {};
  for (int64_t i = 0; i < rounds; ++i) {
    const auto code = static_cast<int16_t>(i & 127);
    for (int k = 0; k < kLanes; ++k) sums[k] += static_cast<uint32_t>(int32_t{codes[k]} * code);
  }
  uint32_t all = 0;
  for (const uint32_t sum : sums) all += sum;
  return all;
}

}  // namespace

PeakLoops generic_peak_loops() {
  return {.read = read,
          .int8 = {int8, int64_t{2} * kLanes},
          .bf16 = {},
          .fp32 = {fp32, int64_t{2} * kLanes}};
}

}  // namespace holdfast::cpu
