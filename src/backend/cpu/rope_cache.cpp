#include "backend/cpu/rope_cache.h"

#include <algorithm>
#include <cmath>

namespace holdfast::cpu {

const float* RopeCache::get(const RopeTable& table, std::span<const int32_t> positions,
                            ThreadPool& pool) {
  if (magnitude_ == table.magnitude && std::ranges::equal(positions_, positions) &&
      std::ranges::equal(frequencies_, table.inverse_frequencies)) {
    return values_.data();
  }
  magnitude_ = table.magnitude;
  frequencies_ = table.inverse_frequencies;
  positions_.assign(positions.begin(), positions.end());
  const std::size_t half = frequencies_.size(), rows = positions_.size();
  values_.resize(2 * half * rows);
  float* const cosines = values_.data();
  float* const sines = cosines + half * rows;
  pool.parallel_for(static_cast<int64_t>(rows), 16, [&](int64_t begin, int64_t end, int) {
    for (auto row = static_cast<std::size_t>(begin); row < static_cast<std::size_t>(end); ++row) {
      const auto position = static_cast<float>(positions_[row]);
      for (std::size_t i = 0; i < half; ++i) {
        const double angle = position * frequencies_[i];
        cosines[row * half + i] = static_cast<float>(std::cos(angle)) * magnitude_;
        sines[row * half + i] = static_cast<float>(std::sin(angle)) * magnitude_;
      }
    }
  });
  return cosines;
}

}  // namespace holdfast::cpu
