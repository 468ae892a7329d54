// Cosines and sines of a step's positions, computed once and used by all layers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "base/thread_pool.h"

namespace holdfast::cpu {

// One table at a time: a model has one.
class RopeCache {
 public:
  // [positions, dim / 2] cosines, then sines at once after them; valid until the next call. The
  // angle is the float32 product of position and frequency, as transformers computes it; its cosine
  // and sine are exact to float32.
  const float* get(const RopeTable& table, std::span<const int32_t> positions, ThreadPool& pool);

 private:
  std::vector<float> frequencies_, values_;
  std::vector<int32_t> positions_;
  float magnitude_ = 0.0f;
};

}  // namespace holdfast::cpu
