#include "backend/profile.h"

#include <map>

#include "backend_fixture.h"

namespace holdfast {
namespace {

class ProfileOfIsa : public IsaTest {};

TEST_P(ProfileOfIsa, LimitsAreMeasured) {
  const Peaks peaks = backend_->measure_peaks();
  // Slower than any machine of this century, faster than any with so few threads.
  for (const double rate : {peaks.read_bytes, peaks.int8, peaks.fp32}) {
    EXPECT_GT(rate, 1e7);
    EXPECT_LT(rate, 1e14);
  }
  EXPECT_EQ(peaks.bf16 > 0.0, GetParam() == "avx512_bf16");
}
HOLDFAST_EVERY_ISA(ProfileOfIsa);

std::map<std::string, OperationProfile> by_name(const std::vector<OperationProfile>& operations) {
  std::map<std::string, OperationProfile> found;
  for (const OperationProfile& o : operations) found[o.name] = o;
  return found;
}

TEST(Profile, NotesWorkAndChangesNothing) {
  constexpr int64_t kRows = 5, kIn = 64, kOut = 96;
  Random random(1);
  std::vector<float> values = random.normal(kOut * kIn), x = random.normal(kRows * kIn);
  std::vector<float> plain(kRows * kOut), watched(kRows * kOut);
  const auto compute = [&](Backend& backend, std::vector<float>& out) {
    const WeightPtr weight = backend.prepare(f32_view(values, kOut)).value();
    backend.begin_step();
    const LinearJob job[] = {{weight.get(), nullptr, mat(out, kRows)}};
    backend.linear(mat(x, kRows), job);
    backend.swiglu(mat(out, kRows), mat(out, kRows), mat(out, kRows));
    backend.end_step();
  };
  compute(*backend_of("generic", 2), plain);
  Profile profile;
  profile.set_peaks({.read_bytes = 1e9, .int8 = 4e9, .bf16 = 0.0, .fp32 = 2e9});
  const auto backend = make_profiled_backend(backend_of("generic", 2), profile);
  compute(*backend, watched);
  EXPECT_TRUE(same_bytes(plain, watched));

  auto found = by_name(profile.take());
  ASSERT_EQ(found.size(), 2u);
  const OperationProfile& linear = found.at("linear f32");
  EXPECT_EQ(linear.calls, 1);
  EXPECT_GT(linear.seconds, 0.0);
  EXPECT_GE(linear.idle_seconds, 0.0);
  EXPECT_DOUBLE_EQ(linear.bytes, 4.0 * kOut * kIn);
  EXPECT_DOUBLE_EQ(linear.fp32, 2.0 * kRows * kOut * kIn);
  EXPECT_EQ(linear.int8 + linear.bf16, 0.0);
  // 24576 bytes at a byte a nanosecond, 61440 operations at two: the larger counts.
  EXPECT_DOUBLE_EQ(linear.limit_seconds, 30720e-9);
  EXPECT_EQ(found.at("swiglu").calls, 1);
  EXPECT_EQ(found.at("swiglu").limit_seconds, 0.0);
  EXPECT_TRUE(profile.take().empty());
}

TEST(Profile, AttentionCountsWhatEachRowSees) {
  constexpr int32_t kHeads = 4, kDim = 32, kPage = 8;
  Profile profile;
  profile.set_peaks({.read_bytes = 1.0, .int8 = 1.0, .bf16 = 2.0, .fp32 = 1.0});
  const auto backend = make_profiled_backend(backend_of("generic", 1), profile);
  const KvSpec spec{.layers = 3,
                    .page_tokens = kPage,
                    .pages = 4,
                    .k_width = kHeads * kDim,
                    .v_width = kHeads * kDim,
                    .kv_heads = kHeads,
                    .type = KvType::kF32};
  const auto cache = backend->make_kv_cache(spec).value();
  Random random(2);
  std::vector<float> rows = random.normal(6 * kHeads * kDim), out(rows.size());
  const std::vector<int32_t> pages = {0, 1}, other = {2}, tokens(6, 0);
  const std::vector<int32_t> positions = {10, 11, 12, 13, 0, 1};
  const SequenceSlice slices[] = {{0, 4, 10, pages}, {4, 6, 0, other}};
  const Batch batch{tokens, positions, slices, {}};
  backend->begin_step();
  backend->kv_append(*cache, 1, batch, mat(rows, 6), mat(rows, 6));
  backend->attention(mat(rows, 6), *cache, 1, batch, {kHeads, kHeads, kDim, 1.0f}, mat(out, 6));
  backend->end_step();
  const auto found = by_name(profile.take());
  const OperationProfile& attention = found.at("attention");
  const double seen = 11 + 12 + 13 + 14 + 1 + 2;
  EXPECT_DOUBLE_EQ(attention.bf16, 4.0 * kHeads * kDim * seen);
  EXPECT_DOUBLE_EQ(attention.bytes, 16.0 * 2 * kHeads * kDim * 4);
  EXPECT_EQ(found.at("kv append").calls, 1);
}

TEST(Profile, MergesByName) {
  std::vector<OperationProfile> all = {{.name = "a", .calls = 1, .seconds = 1.0}};
  merge(all,
        {{.name = "b", .calls = 2, .seconds = 3.0}, {.name = "a", .calls = 4, .seconds = 0.5}});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].calls, 5);
  EXPECT_DOUBLE_EQ(all[0].seconds, 1.5);
  EXPECT_EQ(all[1].name, "b");
}

}  // namespace
}  // namespace holdfast
