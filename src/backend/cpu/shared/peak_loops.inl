// The loops of peak_loops.h that are alike for every width of vector. An instruction set's vec.h,
// included before, provides Vec and Codes.
#pragma once

#include <cstring>

#include "backend/cpu/peak_loops.h"

namespace holdfast::cpu {
namespace {

constexpr int kBytes = sizeof(Codes);  // of a register
// Independent sums: enough for two units and latencies of 4 to 6 cycles, and as many as fit beside
// what is multiplied into 32 registers (AVX-512, NEON) or 16.
constexpr int kSums = kBytes == 32 ? 12 : 16;

int64_t low_word(Codes x) {
  int64_t word;
  std::memcpy(&word, &x, sizeof(word));
  return word;
}

// Sums that start alike would be computed once for all.
template <class T, class F>
void start_apart(T (&sums)[kSums], F&& broadcast) {
  for (int k = 0; k < kSums; ++k) {
    volatile int opaque = k;
    sums[k] = broadcast(opaque);
  }
}

Vec floats(int value) { return vset(static_cast<float>(value)); }

int64_t read(const unsigned char* data, int64_t bytes) {
  Codes sums[4] = {};
  for (int64_t i = 0; i < bytes; i += 4 * kBytes) {
    for (int k = 0; k < 4; ++k) sums[k] ^= load_codes(data + i + k * kBytes);
  }
  return low_word(sums[0] ^ sums[1] ^ sums[2] ^ sums[3]);
}

int64_t whole(const Vec (&sums)[kSums]) {
  Vec all = sums[0];
  for (int k = 1; k < kSums; ++k) all = vadd(all, sums[k]);
  float lanes[kLanes];
  vstore(lanes, all);
  return static_cast<int64_t>(lanes[0]);
}
int64_t whole(const Codes (&sums)[kSums]) {
  Codes all = sums[0];
  for (int k = 1; k < kSums; ++k) all ^= sums[k];
  return low_word(all);
}

int64_t fp32(int64_t rounds) {
  volatile float opaque = 0.5f;
  const Vec a = vset(opaque), b = vset(opaque);
  Vec sums[kSums];
  start_apart(sums, floats);
  for (int64_t i = 0; i < rounds; ++i) {
    for (Vec& sum : sums) sum = vfma(a, b, sum);
  }
  return whole(sums);
}

}  // namespace
}  // namespace holdfast::cpu
