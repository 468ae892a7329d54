// Every family against Hugging Face transformers in float32, from a Hugging Face directory and from
// GGUF; and the same bytes however a prompt is cut and whoever rides along.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "backend/cpu/cpu_backend.h"
#include "base/error.h"
#include "golden_model.h"
#include "model/session.h"

namespace holdfast {
namespace {

constexpr int kContext = 128;

// max |a - b| / max |b|
double relative_difference(std::span<const float> a, std::span<const float> b) {
  double difference = 0.0, largest = 0.0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    difference = std::max(difference, std::abs(double{a[i]} - double{b[i]}));
    largest = std::max(largest, std::abs(double{b[i]}));
  }
  return difference / largest;
}

// Max relative difference allowed against transformers; both sum in float32, in different orders.
constexpr double kTolerance = 1e-4;

enum class Form { kHuggingFace, kGguf };

class FamilyTest : public testing::TestWithParam<std::tuple<std::string, Form>> {
 protected:
  void SetUp() override {
    const auto& [name, form] = GetParam();
    golden_ = read_golden(name);
    std::filesystem::path path = folder_.path();
    if (form == Form::kHuggingFace) {
      write_hugging_face(golden_, path);
    } else {
      path /= "model.gguf";
      write_gguf(golden_, path);
    }
    auto file = ModelFile::open(path.string());
    ASSERT_TRUE(file) << to_string(file.error());
    file_ = *file;
    start({.threads = 1});
  }

  void start(const CpuOptions& options) {
    session_.reset();
    model_.reset();
    auto backend = make_cpu_backend(options);
    ASSERT_TRUE(backend) << to_string(backend.error());
    backend_ = std::move(*backend);
    auto model = load_model(*file_, *backend_);
    ASSERT_TRUE(model) << to_string(model.error());
    model_ = std::move(*model);
    auto session = Session::create(
        *model_, *backend_,
        {.sequences = 3, .context = kContext, .page_tokens = 16, .kv_type = KvType::kF32});
    ASSERT_TRUE(session) << to_string(session.error());
    session_ = std::move(*session);
  }

  // Logits of all rows of `tokens`, fed at once.
  std::vector<float> all_logits(std::span<const int32_t> tokens) {
    session_->reset(0);
    std::vector<float> out;
    const SessionInput input[] = {{0, tokens, static_cast<int32_t>(tokens.size())}};
    session_->step(input, [&](std::span<const float> l) { out.assign(l.begin(), l.end()); });
    return out;
  }

  Golden golden_;
  TemporaryFolder folder_;
  std::shared_ptr<const ModelFile> file_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Session> session_;
};

TEST_P(FamilyTest, LogitsAreThoseOfTransformers) {
  for (const std::string isa :
       {"generic", "avx2", "avx2_vnni", "avx512", "avx512_bf16", "neon", "neon_dot"}) {
    if (!make_cpu_backend({.threads = 1, .isa = isa})) continue;  // not on this machine
    start({.threads = 1, .isa = isa});
    double worst = 0.0;
    for (const GoldenPrompt& prompt : golden_.prompts) {
      std::vector<int32_t> text = prompt.tokens;
      text.insert(text.end(), prompt.greedy.begin(), prompt.greedy.end());
      const std::vector<float> logits = all_logits(text);
      for (const auto& [row, expected] : prompt.logits) {
        const auto ours = std::span(logits).subspan(static_cast<std::size_t>(row) * expected.size(),
                                                    expected.size());
        worst = std::max(worst, relative_difference(ours, expected));
      }
    }
    RecordProperty("max_relative_difference_" + isa, fmt::format("{:.1e}", worst));
    EXPECT_LT(worst, kTolerance) << isa;
  }
}

TEST_P(FamilyTest, GreedyTokensAreThoseOfTransformers) {
  for (const GoldenPrompt& prompt : golden_.prompts) {
    session_->reset(0);
    std::vector<float> logits = session_->prompt(0, prompt.tokens, 1 << 20);
    std::vector<int32_t> greedy;
    while (greedy.size() < prompt.greedy.size()) {
      greedy.push_back(argmax(logits));
      logits = session_->prompt(0, std::span(greedy).last(1), 1);
    }
    EXPECT_EQ(greedy, prompt.greedy) << "prompt of " << prompt.tokens.size();
  }
}

class FamilyBytesTest : public FamilyTest {};

// One text in random pieces, beside two other sequences in random pieces: the bytes of each row's
// logits are those of the text alone and in one piece.
TEST_P(FamilyBytesTest, SameBytesInPiecesAndInCompany) {
  std::mt19937 random(golden_.seed);
  std::vector<std::vector<int32_t>> texts;
  std::vector<std::vector<float>> alone;
  for (const GoldenPrompt& prompt : golden_.prompts) {
    texts.push_back(prompt.tokens);
    texts.back().insert(texts.back().end(), prompt.greedy.begin(), prompt.greedy.end());
    alone.push_back(all_logits(texts.back()));
  }
  const auto vocab = static_cast<std::size_t>(model_->config().vocab);

  for (int s = 0; s < 3; ++s) session_->reset(s);
  std::vector<std::size_t> done(3, 0);
  while (true) {
    std::vector<int32_t> order = {0, 1, 2};
    std::shuffle(order.begin(), order.end(), random);
    std::vector<SessionInput> inputs;
    for (const int32_t s : order) {
      const auto i = static_cast<std::size_t>(s);
      const std::size_t left = texts[i].size() - done[i];
      const std::size_t now = std::min<std::size_t>(left, random() % 20);
      if (now == 0) continue;
      inputs.push_back({s, std::span(texts[i]).subspan(done[i], now), static_cast<int32_t>(now)});
    }
    if (inputs.empty() && done[0] == texts[0].size() && done[1] == texts[1].size() &&
        done[2] == texts[2].size()) {
      break;
    }
    if (inputs.empty()) continue;
    session_->step(inputs, [&](std::span<const float> logits) {
      for (const SessionInput& input : inputs) {
        const auto i = static_cast<std::size_t>(input.sequence);
        const std::size_t count = input.tokens.size() * vocab;
        EXPECT_EQ(
            std::memcmp(logits.data(), alone[i].data() + done[i] * vocab, count * sizeof(float)), 0)
            << "sequence " << i << ", tokens from " << done[i];
        logits = logits.subspan(count);
        done[i] += input.tokens.size();
      }
    });
  }
}

TEST_P(FamilyBytesTest, SameBytesWithTwoThreads) {
  const std::vector<int32_t>& tokens = golden_.prompts.back().tokens;
  const std::vector<float> one = all_logits(tokens);
  start({.threads = 2});
  EXPECT_EQ(one, all_logits(tokens));
}

// A step that wants no logits, or few, leaves the same cache behind.
TEST_P(FamilyBytesTest, LogitsOfFewRowsAreThoseOfAll) {
  const std::vector<int32_t>& tokens = golden_.prompts.back().tokens;
  const std::vector<float> all = all_logits(tokens);
  const auto vocab = static_cast<std::size_t>(model_->config().vocab);

  session_->reset(0);
  const std::size_t head = 20;
  const SessionInput fill[] = {{0, std::span(tokens).first(head), 0}};
  session_->step(fill, [](std::span<const float>) { ADD_FAILURE() << "logits nobody wanted"; });
  const SessionInput rest[] = {{0, std::span(tokens).subspan(head), 3}};
  session_->step(rest, [&](std::span<const float> logits) {
    ASSERT_EQ(logits.size(), 3 * vocab);
    EXPECT_EQ(
        std::memcmp(logits.data(), all.data() + all.size() - 3 * vocab, 3 * vocab * sizeof(float)),
        0);
  });
}

std::string test_name(const testing::TestParamInfo<FamilyTest::ParamType>& info) {
  const auto& [name, form] = info.param;
  return name + (form == Form::kGguf ? "_gguf" : "");
}

// Every golden in both forms; but GGUF has no key for an mscale other than mscale_all_dim.
std::vector<FamilyTest::ParamType> forms() {
  std::vector<FamilyTest::ParamType> all;
  for (const std::string& name : golden_names()) {
    all.emplace_back(name, Form::kHuggingFace);
    if (name != "deepseek_v3_uneven_mscale") all.emplace_back(name, Form::kGguf);
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Golden, FamilyTest, testing::ValuesIn(forms()), test_name);
INSTANTIATE_TEST_SUITE_P(Golden, FamilyBytesTest,
                         testing::Combine(testing::ValuesIn(golden_names()),
                                          testing::Values(Form::kHuggingFace)),
                         test_name);

}  // namespace
}  // namespace holdfast
