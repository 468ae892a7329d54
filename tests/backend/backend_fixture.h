// What the backend's tests share: backends of every instruction set this machine has, random
// matrices, and batches over shuffled pages.
#pragma once

#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "backend/cpu/cpu_backend.h"

namespace holdfast {

inline std::vector<std::string> available_isas() {
  std::vector<std::string> isas;
  for (const char* isa :
       {"generic", "avx2", "avx2_vnni", "avx512", "avx512_bf16", "neon", "neon_dot"}) {
    if (make_cpu_backend({.threads = 1, .isa = isa})) isas.emplace_back(isa);
  }
  return isas;
}

inline std::unique_ptr<Backend> backend_of(const std::string& isa, int threads) {
  auto backend = make_cpu_backend({.threads = threads, .isa = isa});
  EXPECT_TRUE(backend.has_value());
  return std::move(backend).value();
}

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  std::vector<float> normal(int64_t n, float deviation = 1.0f) {
    std::normal_distribution<float> distribution(0.0f, deviation);
    std::vector<float> values(static_cast<std::size_t>(n));
    for (float& value : values) value = distribution(engine_);
    return values;
  }
  int64_t below(int64_t n) { return std::uniform_int_distribution<int64_t>(0, n - 1)(engine_); }
  std::mt19937& engine() { return engine_; }

 private:
  std::mt19937 engine_;
};

inline Mat mat(std::vector<float>& values, int64_t rows) {
  const auto cols = static_cast<int64_t>(values.size()) / rows;
  return {values.data(), rows, cols, cols};
}

inline TensorView f32_view(const std::vector<float>& values, int64_t rows) {
  const auto cols = static_cast<int64_t>(values.size()) / rows;
  return {DType::kF32, Shape{{rows, cols}, 2}, std::as_bytes(std::span(values))};
}

inline bool same_bytes(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

// Tests that run once for each instruction set.
class IsaTest : public ::testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Backend> backend_ = backend_of(GetParam(), 2);
};

inline std::string isa_name(const ::testing::TestParamInfo<std::string>& info) {
  return info.param;
}

#define HOLDFAST_EVERY_ISA(suite) \
  INSTANTIATE_TEST_SUITE_P(Isa, suite, ::testing::ValuesIn(available_isas()), isa_name)

}  // namespace holdfast
