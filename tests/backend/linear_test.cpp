// Every weight format against the decoded weights times x in double precision, and its bytes
// against themselves: a row alone or in a batch, on one thread or two.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <utility>

#include "backend_fixture.h"
#include "base/mapped_file.h"
#include "tensor/blocks.h"

namespace holdfast {
namespace {

constexpr DType kFloatTypes[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kF8_E4M3};
constexpr DType kPackedTypes[] = {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1,   DType::kQ5_0,
                                  DType::kQ5_1, DType::kQ2_K, DType::kQ3_K,   DType::kQ4_K,
                                  DType::kQ5_K, DType::kQ6_K, DType::kIQ4_NL, DType::kIQ4_XS};

// A weight in its stored bytes, and what they decode to.
struct Weight {
  DType type;
  int64_t rows, cols;
  std::vector<std::byte> bytes;
  std::vector<float> decoded, scales;

  TensorView view() const {
    TensorView view{type, Shape{{rows, cols}, 2}, bytes};
    if (!scales.empty()) {
      view.scales = scales;
      view.scale_block = 128;
    }
    return view;
  }
};

// Byte offsets of a block's f16 scales.
std::vector<int> half_offsets(DType type) {
  switch (type) {
    case DType::kQ4_1:
    case DType::kQ5_1:
    case DType::kQ4_K:
    case DType::kQ5_K:
      return {0, 2};
    case DType::kQ2_K:
      return {80, 82};
    case DType::kQ3_K:
      return {108};
    case DType::kQ6_K:
      return {208};
    default:
      return {0};
  }
}

// Every bit of the codes and small scales random; f16 scales of a sensible size.
Weight random_weight(Random& random, DType type, int64_t rows, int64_t cols) {
  Weight w{type, rows, cols, {}, {}, {}};
  const auto n = static_cast<std::size_t>(rows * cols);
  w.bytes.resize(row_bytes(type, static_cast<uint64_t>(cols)) * static_cast<uint64_t>(rows));
  w.decoded.resize(n);
  const DTypeInfo& info = dtype_info(type);
  const auto values = random.normal(rows * cols, 0.5f);
  for (std::size_t i = 0; i < w.bytes.size(); ++i) {
    w.bytes[i] = static_cast<std::byte>(random.below(256));
  }
  const auto put = [&](std::size_t at, uint16_t bits) { std::memcpy(&w.bytes[at], &bits, 2); };
  if (info.block_size > 1) {
    for (std::size_t block = 0; block < w.bytes.size(); block += info.block_bytes) {
      for (const int offset : half_offsets(type)) {
        put(block + static_cast<std::size_t>(offset), f32_to_f16(random.normal(1, 0.01f)[0]));
      }
    }
  } else if (type == DType::kF8_E4M3) {
    for (auto& byte : w.bytes) {
      if ((byte & std::byte{0x7f}) == std::byte{0x7f}) byte = std::byte{0};  // no NaN
    }
    w.scales = random.normal((rows + 127) / 128 * ((cols + 127) / 128), 0.01f);
  } else if (type == DType::kF32) {
    std::memcpy(w.bytes.data(), values.data(), w.bytes.size());
  } else {
    for (std::size_t i = 0; i < n; ++i) {
      put(2 * i, type == DType::kF16 ? f32_to_f16(values[i]) : f32_to_bf16(values[i]));
    }
  }
  dequantize(type, w.bytes.data(), w.decoded.data(), rows * cols);
  if (!w.scales.empty()) {
    for (int64_t i = 0; i < rows * cols; ++i) {
      const int64_t tile = i / cols / 128 * ((cols + 127) / 128) + i % cols / 128;
      w.decoded[static_cast<std::size_t>(i)] *= w.scales[static_cast<std::size_t>(tile)];
    }
  }
  return w;
}

std::vector<float> linear(Backend& backend, const PreparedWeight& weight, std::vector<float> x,
                          int64_t rows) {
  std::vector<float> out(static_cast<std::size_t>(rows * weight.rows()));
  backend.begin_step();
  const LinearJob job{&weight, nullptr, mat(out, rows)};
  backend.linear(mat(x, rows), {&job, 1});
  backend.end_step();
  return out;
}

// What the kernels multiply float weights with: bf16 products take activations rounded to bf16.
std::vector<float> rounded_for(const std::string& isa, DType type, std::vector<float> x) {
  if (isa == "avx512_bf16" && type == DType::kBF16) {
    for (float& value : x) value = bf16_to_f32(f32_to_bf16(value));
  }
  return x;
}

// Each output is within the bound of the exact sum: float rounding, and for packed weights the
// rounding of x to max|x| / 127 of its strip of 32 (half a step each, against the weight).
void expect_close(const Weight& w, const std::vector<float>& x, int64_t rows,
                  const std::vector<float>& out, bool packed) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < w.rows; ++i) {
      double sum = 0, magnitude = 0, bound = 0;
      for (int64_t k = 0; k < w.cols; k += 32) {
        const int64_t end = std::min(k + 32, w.cols);
        double largest = 0, weights = 0;
        for (int64_t j = k; j < end; ++j) {
          const double a = w.decoded[static_cast<std::size_t>(i * w.cols + j)];
          const double b = x[static_cast<std::size_t>(r * w.cols + j)];
          sum += a * b;
          magnitude += std::fabs(a * b);
          largest = std::max(largest, std::fabs(b));
          weights += std::fabs(a);
        }
        bound += weights * largest / 127 * 0.5;
      }
      // Float sums, each rounding 2^-24 of a partial sum no larger than the magnitudes'. Floats:
      // one rounding a column (two for an unfused product and sum) of a chunk of 512, one for each
      // chunk, one for a scale. Packed weights: two for a group.
      const double roundings = packed ? 2.0 * static_cast<double>(w.cols) / 16
                                      : 2.0 * static_cast<double>(std::min<int64_t>(w.cols, 512)) +
                                            static_cast<double>(w.cols) / 512 + 2;
      bound = (packed ? bound : 0.0) + magnitude * roundings * 0x1p-24 + 1e-6;
      ASSERT_NEAR(out[static_cast<std::size_t>(r * w.rows + i)], sum, bound)
          << dtype_info(w.type).name << " [" << w.rows << ", " << w.cols << "] row " << r;
    }
  }
}

class LinearTest : public IsaTest {};

TEST_P(LinearTest, FloatTypesAreExactToRounding) {
  Random random(1);
  for (const DType type : kFloatTypes) {
    for (const int64_t k : {1, 7, 64, 100, 1030, 2500}) {
      const Weight w = random_weight(random, type, k == 2500 ? 133 : 37, k);
      const auto weight = backend_->prepare(w.view());
      ASSERT_TRUE(weight.has_value());
      for (const int64_t rows : {1, 3, 20}) {
        const auto x = random.normal(rows * k);
        const auto out = linear(*backend_, **weight, x, rows);
        expect_close(w, rounded_for(GetParam(), type, x), rows, out, false);
      }
    }
  }
}

TEST_P(LinearTest, PackedTypesAreWithinTheirActivationsRounding) {
  Random random(2);
  for (const DType type : kPackedTypes) {
    const bool small = dtype_info(type).block_size == 32;
    for (const int64_t k :
         small ? std::vector<int64_t>{32, 96, 1056} : std::vector<int64_t>{256, 1536}) {
      const Weight w = random_weight(random, type, k == 96 ? 16 : 45, k);
      const auto weight = backend_->prepare(w.view());
      ASSERT_TRUE(weight.has_value());
      for (const int64_t rows : {1, 2, 5, 9, 23}) {
        const auto x = random.normal(rows * k);
        expect_close(w, x, rows, linear(*backend_, **weight, x, rows), true);
      }
    }
  }
}

// Products of small integers with scales that are powers of two leave no rounding anywhere: any
// code, scale, minimum or sign that lands in the wrong place shows.
TEST_P(LinearTest, PackedTypesAreExactOnWholeNumbers) {
  Random random(3);
  for (const DType type : kPackedTypes) {
    const int64_t k = 512, rows = 7;
    Weight w = random_weight(random, type, 19, k);
    const auto weight = backend_->prepare(w.view());
    ASSERT_TRUE(weight.has_value());
    // One column at a time, at full scale: x = 127 there is code 127 with scale 1.
    for (const int64_t column : {0, 1, 15, 16, 31, 32, 100, 255, 256, 300, 511}) {
      std::vector<float> x(static_cast<std::size_t>(rows * k), 0.0f);
      for (int64_t r = 0; r < rows; ++r) x[static_cast<std::size_t>(r * k + column)] = 127.0f;
      const auto out = linear(*backend_, **weight, x, rows);
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t i = 0; i < w.rows; ++i) {
          const float expected = w.decoded[static_cast<std::size_t>(i * k + column)] * 127.0f;
          ASSERT_NEAR(out[static_cast<std::size_t>(r * w.rows + i)], expected,
                      std::fabs(expected) * 1e-5 + 1e-3)
              << dtype_info(type).name << " column " << column;
        }
      }
    }
  }
}

TEST_P(LinearTest, EmbedGivesTheDecodedRows) {
  Random random(4);
  for (const auto& types :
       {std::span<const DType>(kFloatTypes), std::span<const DType>(kPackedTypes)}) {
    for (const DType type : types) {
      const Weight w = random_weight(random, type, 50, 512);
      const auto weight = backend_->prepare(w.view());
      ASSERT_TRUE(weight.has_value());
      const std::vector<int32_t> tokens{0, 49, 17, 16, 15};
      std::vector<float> out(tokens.size() * 512);
      backend_->begin_step();
      backend_->embed(**weight, tokens, mat(out, std::ssize(tokens)));
      backend_->end_step();
      for (std::size_t t = 0; t < tokens.size(); ++t) {
        const auto row =
            std::span(w.decoded).subspan(static_cast<std::size_t>(tokens[t]) * 512, 512);
        ASSERT_TRUE(same_bytes(row, std::span(out).subspan(t * 512, 512))) << dtype_info(type).name;
      }
    }
  }
}

TEST_P(LinearTest, SameBytesAloneInABatchAndOnTwoThreads) {
  const auto one_thread = backend_of(GetParam(), 1);
  Random random(5);
  for (const auto& types :
       {std::span<const DType>(kFloatTypes), std::span<const DType>(kPackedTypes)}) {
    for (const DType type : types) {
      const int64_t k = 1536, n = 83;
      const Weight w = random_weight(random, type, n, k);
      const auto weight = backend_->prepare(w.view());
      const auto weight1 = one_thread->prepare(w.view());
      ASSERT_TRUE(weight.has_value() && weight1.has_value());
      const int64_t most = 140;
      const auto x = random.normal(most * k);
      const auto whole = linear(*backend_, **weight, x, most);
      for (const int64_t rows : {1, 2, 3, 6, 7, 12, 13, 70}) {
        const int64_t first = random.below(most - rows + 1);
        const std::vector<float> part(x.begin() + first * k, x.begin() + (first + rows) * k);
        const auto expected = std::span(whole).subspan(static_cast<std::size_t>(first * n),
                                                       static_cast<std::size_t>(rows * n));
        ASSERT_TRUE(same_bytes(expected, linear(*backend_, **weight, part, rows)))
            << dtype_info(type).name << " " << rows;
        ASSERT_TRUE(same_bytes(expected, linear(*one_thread, **weight1, part, rows)))
            << dtype_info(type).name << " " << rows;
      }
    }
  }
}

// Weights of a mapped file are used as they lie there and move into panels later, in parts: nothing
// of that shows.
TEST_P(LinearTest, SameBytesWhileWeightsMoveOutOfTheirFile) {
  Random random(8);
  std::vector<DType> types(std::begin(kFloatTypes), std::end(kFloatTypes));
  types.insert(types.end(), std::begin(kPackedTypes), std::end(kPackedTypes));
  for (const DType type : types) {
    const int64_t block = dtype_info(type).block_size;
    for (int64_t k : {1, 7, 100, 1030, 2500}) {
      k = (k + block - 1) / block * block;
      const Weight w = random_weight(random, type, k > 2000 ? 1333 : 37, k);
      const std::string path = testing::TempDir() + "holdfast_linear_" + GetParam();
      std::ofstream(path, std::ios::binary)
          .write("12345678", 8)  // so that rows start anywhere
          .write(reinterpret_cast<const char*>(w.bytes.data()), std::ssize(w.bytes));
      const auto file = MappedFile::open(path);
      ASSERT_TRUE(file.has_value());
      TensorView view = w.view();
      view.bytes = file->bytes().subspan(8);
      const auto backend = backend_of(GetParam(), 2);
      const auto mapped = backend->prepare(view), packed = backend->prepare(w.view());
      ASSERT_TRUE(mapped.has_value() && packed.has_value());
      const auto compare = [&] {
        for (const int64_t rows : {1, 3, 30, 150}) {
          if (rows == 150 && k > 2000) continue;
          const auto x = random.normal(rows * k);
          const auto expected = linear(*backend, **packed, x, rows);
          ASSERT_TRUE(same_bytes(expected, linear(*backend, **mapped, x, rows)))
              << dtype_info(type).name << " " << k << " " << rows;
        }
        std::vector<float> row(static_cast<std::size_t>(k));
        const std::vector<int32_t> token{35};
        backend->embed(**mapped, token, mat(row, 1));
        ASSERT_TRUE(same_bytes(std::span(w.decoded).subspan(row.size() * 35, row.size()), row));
      };
      compare();  // in the file, and, as steps go by, part of it no longer
      backend->settle();
      compare();
      std::remove(path.c_str());
    }
  }
}

// Packed weights at every edge: one panel at a time or two, the last without a partner, part of a
// chunk of columns, one block of rows and several, of unequal size.
TEST_P(LinearTest, PackedTypesGiveTheSameBytesInEveryRegime) {
  Random random(8);
  for (const DType type : kPackedTypes) {
    const bool small = dtype_info(type).block_size == 32;
    for (const int64_t k :
         small ? std::vector<int64_t>{32, 288, 1120} : std::vector<int64_t>{256, 1280}) {
      const int64_t n = 43, most = 131;  // three panels; blocks of 66 and 65 rows
      const Weight w = random_weight(random, type, n, k);
      const auto weight = backend_->prepare(w.view());
      ASSERT_TRUE(weight.has_value());
      const auto x = random.normal(most * k);
      const auto whole = linear(*backend_, **weight, x, most);
      for (const int64_t rows : {1, 2, 3, 4, 5, 8, 16, 17, 64, 128, 129}) {
        const int64_t first = random.below(most - rows + 1);
        const std::vector<float> part(x.begin() + first * k, x.begin() + (first + rows) * k);
        const auto expected = std::span(whole).subspan(static_cast<std::size_t>(first * n),
                                                       static_cast<std::size_t>(rows * n));
        ASSERT_TRUE(same_bytes(expected, linear(*backend_, **weight, part, rows)))
            << dtype_info(type).name << " " << k << " columns, " << rows << " rows";
      }
    }
  }
}

TEST_P(LinearTest, SeveralJobsWithBiasAndAccumulation) {
  Random random(6);
  const int64_t k = 256, rows = 11;
  const Weight weights[] = {
      random_weight(random, DType::kQ4_K, 40, k), random_weight(random, DType::kF32, 33, k),
      random_weight(random, DType::kQ6_K, 17, k), random_weight(random, DType::kQ5_K, 64, k)};
  auto x = random.normal(rows * k);
  std::vector<WeightPtr> prepared;
  std::vector<VectorPtr> biases;
  std::vector<std::vector<float>> outs, expected;
  std::vector<LinearJob> jobs;
  outs.reserve(4);
  for (const Weight& w : weights) {
    const auto bias = random.normal(w.rows);
    prepared.push_back(*backend_->prepare(w.view()));
    biases.push_back(backend_->prepare_vector(bias));
    outs.push_back(random.normal(rows * w.rows));
    auto plain = linear(*backend_, *prepared.back(), x, rows);
    for (std::size_t i = 0; i < plain.size(); ++i)
      plain[i] = outs.back()[i] + (plain[i] + bias[i % static_cast<std::size_t>(w.rows)]);
    expected.push_back(plain);
    jobs.push_back({prepared.back().get(), biases.back().get(), mat(outs.back(), rows), true});
  }
  backend_->begin_step();
  backend_->linear(mat(x, rows), jobs);
  backend_->end_step();
  for (std::size_t i = 0; i < outs.size(); ++i) EXPECT_TRUE(same_bytes(outs[i], expected[i])) << i;
}

TEST_P(LinearTest, HeadLinear) {
  Random random(7);
  const int64_t heads = 5, in = 64, stride = 96, out_dim = 20, out_stride = 24, rows = 9;
  for (const DType type : {DType::kF32, DType::kQ8_0}) {
    std::vector<Weight> weights;
    std::vector<WeightPtr> prepared;
    for (int64_t h = 0; h < heads; ++h) {
      weights.push_back(random_weight(random, type, out_dim, in));
      prepared.push_back(*backend_->prepare(weights.back().view()));
    }
    auto x = random.normal(rows * heads * stride);
    std::vector<float> out(static_cast<std::size_t>(rows * heads * out_stride), 7.0f);
    backend_->begin_step();
    backend_->head_linear(mat(x, rows), stride, prepared, mat(out, rows), out_stride);
    backend_->end_step();
    for (int64_t h = 0; h < heads; ++h) {
      std::vector<float> part, result;
      for (int64_t r = 0; r < rows; ++r) {
        const auto from = x.begin() + (r * heads + h) * stride;
        part.insert(part.end(), from, from + in);
        const auto to = out.begin() + (r * heads + h) * out_stride;
        result.insert(result.end(), to, to + out_dim);
        for (int64_t i = out_dim; i < out_stride; ++i) ASSERT_EQ(to[i], 7.0f);
      }
      expect_close(weights[static_cast<std::size_t>(h)], part, rows, result, type != DType::kF32);
    }
  }
}

TEST_P(LinearTest, RefusesWhatItCannotCompute) {
  const std::vector<std::byte> bytes(1000);
  const auto wrong_type = backend_->prepare({DType::kIQ2_XS, Shape{{1, 256}, 2}, bytes});
  ASSERT_FALSE(wrong_type.has_value());
  EXPECT_EQ(wrong_type.error().code, Code::kUnimplemented);
  const auto wrong_size = backend_->prepare({DType::kQ8_0, Shape{{1, 32}, 2}, bytes});
  ASSERT_FALSE(wrong_size.has_value());
  EXPECT_EQ(wrong_size.error().code, Code::kInvalidArgument);
  const auto part_of_a_block = backend_->prepare({DType::kQ4_K, Shape{{1, 32}, 2}, bytes});
  ASSERT_FALSE(part_of_a_block.has_value());
}

// Instructions that only make the same sums of integers in another way change nothing.
TEST(LinearOfRelatedIsas, PackedTypesGiveTheSameBytes) {
  const std::vector<std::string> here = available_isas();
  const auto has = [&](const char* isa) { return std::ranges::find(here, isa) != here.end(); };
  for (const auto& [plain, more] :
       {std::pair{"avx2", "avx2_vnni"}, std::pair{"neon", "neon_dot"}}) {
    if (!has(plain) || !has(more)) continue;
    const auto one = backend_of(plain, 1), other = backend_of(more, 1);
    Random random(9);
    for (const DType type : kPackedTypes) {
      const Weight w = random_weight(random, type, 35, 512);
      const auto x = random.normal(5 * 512);
      const auto a = one->prepare(w.view()), b = other->prepare(w.view());
      ASSERT_TRUE(a.has_value() && b.has_value());
      EXPECT_TRUE(same_bytes(linear(*one, **a, x, 5), linear(*other, **b, x, 5)))
          << dtype_info(type).name << " " << more;
    }
  }
}

HOLDFAST_EVERY_ISA(LinearTest);

}  // namespace
}  // namespace holdfast
