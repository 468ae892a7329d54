// Encoding: how near the decoded values come, and layouts by way of the decoder.

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/sha.h>

#include "tensor/blocks.h"

namespace holdfast {
namespace {

// Values much like a normal distribution (sums of four uniform ones), the same on every machine.
std::vector<float> make_values(int count, uint64_t state = 1) {
  std::vector<float> out;
  for (int i = 0; i < count; ++i) {
    int64_t sum = 0;
    for (int j = 0; j < 4; ++j) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      sum += static_cast<int64_t>(state >> 48);
    }
    out.push_back(static_cast<float>(static_cast<double>(sum - 2 * 65535) / 65536.0));
  }
  return out;
}

std::vector<char> encode(DType type, const std::vector<float>& values,
                         const float* importance = nullptr) {
  std::vector<char> blocks(row_bytes(type, values.size()));
  quantize(type, values.data(), blocks.data(), static_cast<int64_t>(values.size()), importance);
  return blocks;
}

std::vector<float> round_trip(DType type, const std::vector<float>& values,
                              const float* importance = nullptr) {
  const auto blocks = encode(type, values, importance);
  std::vector<float> out(values.size());
  dequantize(type, blocks.data(), out.data(), static_cast<int64_t>(values.size()));
  return out;
}

// Root of the mean squared error over that of the values.
double error(const std::vector<float>& values, const std::vector<float>& decoded, int stride = 1) {
  double wrong = 0.0, all = 0.0;
  for (std::size_t i = 0; i < values.size(); i += static_cast<std::size_t>(stride)) {
    const double difference = static_cast<double>(values[i]) - decoded[i];
    wrong += difference * difference;
    all += static_cast<double>(values[i]) * values[i];
  }
  return std::sqrt(wrong / all);
}

// Normal weights of 64 x 2048 encoded by llama.cpp's quantization (ggml 0.25, no importance) have
// these errors; ours may be 3% greater at most.
TEST(Quantize, IsAsGoodAsThePeers) {
  const struct {
    DType type;
    double peer;
  } cases[] = {
      {DType::kQ4_0, 0.08602}, {DType::kQ4_1, 0.07829},   {DType::kQ5_0, 0.04282},
      {DType::kQ5_1, 0.03798}, {DType::kQ8_0, 0.00536},   {DType::kQ2_K, 0.29699},
      {DType::kQ3_K, 0.15092}, {DType::kQ4_K, 0.07155},   {DType::kQ5_K, 0.03625},
      {DType::kQ6_K, 0.01777}, {DType::kIQ4_NL, 0.07621}, {DType::kIQ4_XS, 0.07680},
  };
  const auto values = make_values(1 << 16);
  for (const auto& one : cases) {
    EXPECT_LT(error(values, round_trip(one.type, values)), 1.03 * one.peer)
        << dtype_info(one.type).name;
  }
}

TEST(Quantize, Q8_0IsByteEqualToGgufPy) {
  const auto blocks = encode(DType::kQ8_0, make_values(4096));  // tests/golden/tensor/make_q8_0.py
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(blocks.data()), blocks.size(), digest);
  std::string hex;
  for (const unsigned char byte : digest) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  EXPECT_EQ(hex, "0785b31f3e7790894b0f855824010bd926f3baed1fef807a7b539731f8105d15");
}

TEST(Quantize, FloatsKeepWhatTheyCanHold) {
  const auto values = make_values(1024);
  EXPECT_EQ(round_trip(DType::kF32, values), values);
  EXPECT_LT(error(values, round_trip(DType::kF16, values)), 0.0005);
  EXPECT_LT(error(values, round_trip(DType::kBF16, values)), 0.004);
  EXPECT_LT(error(values, round_trip(DType::kF8_E4M3, values)), 0.04);
  for (int code = 0; code < 256; ++code) {  // every value of E4M3 is its own nearest
    const float value = f8_e4m3_to_f32(static_cast<uint8_t>(code));
    if (std::isnan(value)) continue;
    EXPECT_EQ(round_trip(DType::kF8_E4M3, {value})[0], value);
  }
  EXPECT_EQ(round_trip(DType::kF8_E4M3, {1e9f})[0], 448.0f);
  EXPECT_EQ(round_trip(DType::kF8_E4M3, {17.0f})[0], 16.0f);  // ties to even
  EXPECT_EQ(round_trip(DType::kF8_E4M3, {19.0f})[0], 20.0f);
}

class EveryType : public testing::TestWithParam<DType> {};

TEST_P(EveryType, HandlesUnusualBlocks) {
  const float kTiny = std::numeric_limits<float>::denorm_min();
  for (const float value : {0.0f, 1.0f, -1.0f, 4e-3f, kTiny, -kTiny, 3e4f}) {
    const std::vector<float> same(256, value);
    for (const float decoded : round_trip(GetParam(), same)) {
      // Below f16's reach scales vanish; above, all equal values are met closely.
      EXPECT_NEAR(decoded, value, std::fabs(value) * 0.07f + 1e-6f);
    }
  }
  std::vector<float> one_large(256, 0.0f);
  one_large[100] = -2.5f;
  const auto decoded = round_trip(GetParam(), one_large);
  EXPECT_NEAR(decoded[100], -2.5f, 0.2f);
  EXPECT_EQ(decoded[0], 0.0f);
  for (const float value : round_trip(GetParam(), std::vector<float>(256, 3e38f)))
    EXPECT_FALSE(std::isnan(value));
}

TEST_P(EveryType, ImportanceMovesTheErrorElsewhere) {
  const auto values = make_values(1 << 14, 7);
  std::vector<float> importance(values.size(), 0.01f);
  for (std::size_t i = 0; i < importance.size(); i += 8) importance[i] = 10.0f;
  const double plain = error(values, round_trip(GetParam(), values), 8);
  const double weighted = error(values, round_trip(GetParam(), values, importance.data()), 8);
  if (GetParam() == DType::kQ8_0) {
    EXPECT_EQ(weighted, plain);  // takes no importance
  } else {
    EXPECT_LT(weighted, 0.97 * plain);
  }
}

INSTANTIATE_TEST_SUITE_P(Blocks, EveryType,
                         testing::Values(DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1,
                                         DType::kQ8_0, DType::kQ2_K, DType::kQ3_K, DType::kQ4_K,
                                         DType::kQ5_K, DType::kQ6_K, DType::kIQ4_NL,
                                         DType::kIQ4_XS),
                         [](const auto& type) { return std::string(dtype_info(type.param).name); });

}  // namespace
}  // namespace holdfast
