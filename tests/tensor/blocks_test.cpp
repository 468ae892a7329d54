// Decoding against gguf-py (tests/golden/tensor/make_blocks.py).

#include "tensor/blocks.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/sha.h>

namespace holdfast {
namespace {

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

struct Golden {
  DType type;
  std::string blocks;
  uint32_t values;
  Digest digest;
};

std::vector<Golden> read_goldens() {
  std::ifstream in(HOLDFAST_SOURCE_DIR "/tests/golden/tensor/blocks.bin", std::ios::binary);
  std::vector<Golden> goldens;
  uint32_t head[3];
  while (in.read(reinterpret_cast<char*>(head), sizeof head)) {
    Golden golden{static_cast<DType>(head[0]), std::string(head[1], '\0'), head[2], {}};
    in.read(golden.blocks.data(), head[1]);
    in.read(reinterpret_cast<char*>(golden.digest.data()), golden.digest.size());
    goldens.push_back(std::move(golden));
  }
  return goldens;
}

Digest digest_of(std::vector<float> values) {
  for (float& value : values) {
    if (std::isnan(value)) value = std::bit_cast<float>(0x7fc00000u);
  }
  Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(values.data()), values.size() * sizeof(float),
         digest.data());
  return digest;
}

TEST(Dequantize, IsBitEqualToGgufPy) {
  const auto goldens = read_goldens();
  ASSERT_EQ(goldens.size(), 16u);
  for (const Golden& golden : goldens) {
    std::vector<float> values(golden.values);
    dequantize(golden.type, golden.blocks.data(), values.data(), golden.values);
    EXPECT_EQ(digest_of(std::move(values)), golden.digest) << dtype_info(golden.type).name;
  }
}

TEST(Dequantize, CoversEveryComputedType) {
  for (uint32_t id = 0; id <= 1000; ++id) {
    const DTypeInfo* info = find_dtype(id);
    if (info == nullptr || !info->computed) continue;
    const std::vector<char> zeros(info->block_bytes, 0);
    std::vector<float> values(info->block_size, 1.0f);
    dequantize(info->type, zeros.data(), values.data(), info->block_size);
    for (const float value : values) EXPECT_EQ(value, 0.0f) << info->name;
  }
}

TEST(Floats, EveryHalfSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = f16_to_f32(static_cast<uint16_t>(bits));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(value))));
    } else {
      EXPECT_EQ(f32_to_f16(value), bits);
    }
    const float wide = bf16_to_f32(static_cast<uint16_t>(bits));
    if (std::isnan(wide)) {
      EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(wide))));
    } else {
      EXPECT_EQ(f32_to_bf16(wide), bits);
    }
  }
}

// Between each pair of neighbouring halves: below, at and above the midpoint.
TEST(Floats, RoundsToNearestEven) {
  for (uint32_t bits = 0; bits < 0x7c00; ++bits) {
    const double low = f16_to_f32(static_cast<uint16_t>(bits));
    const double high = bits == 0x7bff ? 65536.0 : f16_to_f32(static_cast<uint16_t>(bits + 1));
    const auto middle = static_cast<float>((low + high) / 2);  // exact
    EXPECT_EQ(f32_to_f16(middle), bits + (bits & 1));
    EXPECT_EQ(f32_to_f16(std::nextafter(middle, 0.0f)), bits);
    EXPECT_EQ(f32_to_f16(std::nextafter(middle, 1e9f)), bits + 1);
    EXPECT_EQ(f32_to_f16(-middle), 0x8000 | (bits + (bits & 1)));
  }
  EXPECT_EQ(f32_to_f16(1e30f), 0x7c00);
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3f808000u)), 0x3f80);  // tie to even
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3f818000u)), 0x3f82);
  EXPECT_EQ(f32_to_bf16(3.4e38f), 0x7f80);
}

}  // namespace
}  // namespace holdfast
