#include "model/rope_table.h"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(RopeTable, PlainFrequencies) {
  const RopeTable table = make_rope_table({.theta = 10000.0f, .dim = 8});
  ASSERT_EQ(table.inverse_frequencies.size(), 4u);
  EXPECT_FLOAT_EQ(table.inverse_frequencies[0], 1.0f);
  EXPECT_FLOAT_EQ(table.inverse_frequencies[1], 0.1f);
  EXPECT_FLOAT_EQ(table.inverse_frequencies[3], 0.001f);
  EXPECT_FALSE(table.interleaved);
  EXPECT_EQ(table.magnitude, 1.0f);
}

TEST(RopeTable, LinearDividesAll) {
  const RopeTable table =
      make_rope_table({.dim = 4, .scaling = RopeScaling::kLinear, .factor = 4.0f});
  EXPECT_FLOAT_EQ(table.inverse_frequencies[0], 0.25f);
  EXPECT_FLOAT_EQ(table.inverse_frequencies[1], 0.0025f);
}

// Llama 3.1 from config.json, and the divisors that GGUF's converter writes for the same model.
TEST(RopeTable, Llama3FromConfigEqualsDivisorsFromGguf) {
  RopeConfig config{.theta = 500000.0f,
                    .dim = 128,
                    .scaling = RopeScaling::kLlama3,
                    .factor = 8.0f,
                    .original_context = 8192,
                    .low_freq_factor = 1.0f,
                    .high_freq_factor = 4.0f};
  const RopeTable from_config = make_rope_table(config);

  RopeConfig gguf{.theta = 500000.0f, .dim = 128};
  for (int i = 0; i < 64; ++i) {
    const double wave = 2.0 * std::numbers::pi * std::pow(500000.0, i / 64.0);
    if (wave < 2048.0) {
      gguf.freq_divisors.push_back(1.0f);
    } else if (wave > 8192.0) {
      gguf.freq_divisors.push_back(8.0f);
    } else {
      const double smooth = (8192.0 / wave - 1.0) / 3.0;
      gguf.freq_divisors.push_back(static_cast<float>(1.0 / ((1.0 - smooth) / 8.0 + smooth)));
    }
  }
  const RopeTable from_divisors = make_rope_table(gguf);
  for (std::size_t i = 0; i < 64; ++i) {
    EXPECT_NEAR(from_config.inverse_frequencies[i] / from_divisors.inverse_frequencies[i], 1.0,
                3e-7)
        << i;
  }
}

// DeepSeek-V3's own numbers: mscale = mscale_all_dim leave cos and sin alone, and the scores are
// multiplied by (0.1 ln 40 + 1)^2.
TEST(RopeTable, YarnOfDeepSeekV3) {
  const RopeConfig config{.dim = 64,
                          .scaling = RopeScaling::kYarn,
                          .factor = 40.0f,
                          .original_context = 4096,
                          .mscale = 1.0f,
                          .mscale_all_dim = 1.0f};
  const RopeTable table = make_rope_table(config);
  EXPECT_EQ(table.magnitude, 1.0f);
  EXPECT_FLOAT_EQ(table.inverse_frequencies[0], 1.0f);  // fast: as trained
  EXPECT_FLOAT_EQ(table.inverse_frequencies[31],        // slow: divided
                  static_cast<float>(std::pow(10000.0, -62.0 / 64.0) / 40.0));
  const double mscale = 0.1 * std::log(40.0) + 1.0;
  EXPECT_FLOAT_EQ(mla_softmax_scale({.nope_dim = 128, .rope_dim = 64}, config),
                  static_cast<float>(mscale * mscale / std::sqrt(192.0)));
}

TEST(RopeTable, YarnMagnitude) {
  RopeConfig config{
      .dim = 64, .scaling = RopeScaling::kYarn, .factor = 4.0f, .original_context = 32768};
  EXPECT_FLOAT_EQ(make_rope_table(config).magnitude, 0.1f * std::log(4.0f) + 1.0f);
  config.attention_factor = 1.25f;
  EXPECT_EQ(make_rope_table(config).magnitude, 1.25f);
}

}  // namespace
}  // namespace holdfast
