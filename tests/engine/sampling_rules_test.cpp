// Typical-p, XTC, DRY, mirostat and top-nσ against Hugging Face transformers and plain NumPy
// (tests/golden/sampling/make_sampling.py, whose functions of a case's number stand here again).
#include <cmath>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "engine/sampler.h"

namespace holdfast {
namespace {

namespace json = boost::json;

uint64_t mix(uint64_t n) {
  uint64_t z = (n + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

std::vector<float> logits_of(uint64_t number, size_t vocab) {
  std::vector<float> logits(vocab);
  for (size_t i = 0; i < vocab; ++i) {
    int64_t sum = 0;
    for (size_t k = 0; k < 3; ++k)
      sum += static_cast<int64_t>(mix((number << 32) + 3 * i + k) >> 42);
    logits[i] = static_cast<float>(sum - 3 * (1 << 21)) / static_cast<float>(1 << 19);
  }
  return logits;
}

std::vector<int32_t> history_of(uint64_t number, size_t count, uint64_t kinds) {
  std::vector<int32_t> out;
  for (size_t i = 0; i < count; ++i)
    out.push_back(static_cast<int32_t>(mix((number << 32) + (1u << 31) + i) % kinds));
  return out;
}

std::string piece(int32_t token) {
  constexpr char kLetters[] = "ab\n:";
  if (token == 4) return "";
  std::string text(1, kLetters[token % 4]);
  if (token % 2 == 1) text += kLetters[token / 4 % 4];
  return text;
}

SamplingParams parameters(const json::object& p, int32_t vocab) {
  SamplingParams params;
  const auto read = [&](const char* key, auto& value) {
    using T = std::decay_t<decltype(value)>;
    if (const json::value* found = p.if_contains(key))
      value = static_cast<T>(found->to_number<double>());
  };
  read("temperature", params.temperature);
  read("top_k", params.top_k);
  read("top_p", params.top_p);
  read("min_p", params.min_p);
  read("typical_p", params.typical_p);
  read("repetition_penalty", params.repetition_penalty);
  read("top_n_sigma", params.top_n_sigma);
  read("xtc_probability", params.xtc_probability);
  read("xtc_threshold", params.xtc_threshold);
  read("mirostat", params.mirostat);
  read("mirostat_tau", params.mirostat_tau);
  read("mirostat_eta", params.mirostat_eta);
  read("dry_multiplier", params.dry.multiplier);
  read("dry_base", params.dry.base);
  read("dry_allowed_length", params.dry.allowed_length);
  read("dry_penalty_last_n", params.dry.last_n);
  if (const json::value* breakers = p.if_contains("dry_sequence_breakers")) {
    params.dry.sequence_breakers.clear();
    for (const json::value& text : breakers->as_array())
      params.dry.sequence_breakers.emplace_back(text.as_string());
  }
  params.token_bytes = std::make_shared<TokenBytes>(vocab, piece);
  return params;
}

TEST(SamplingRules, DrawAsTheirDescriptionsDo) {
  std::ifstream file(HOLDFAST_SOURCE_DIR "/tests/golden/sampling/sampling.json");
  const json::value golden = json::parse(std::string(std::istreambuf_iterator<char>(file), {}));
  uint64_t number = 0;
  size_t compared = 0;
  SamplerScratch scratch;
  for (const json::value& family : golden.as_array()) {
    const json::object& p = family.at("parameters").as_object();
    const auto vocab = family.at("vocab").to_number<int32_t>();
    SamplingParams params = parameters(p, vocab);
    for (const json::value& wanted : family.at("cases").as_array()) {
      SCOPED_TRACE(json::serialize(p) + " case " + std::to_string(number));
      if (params.mirostat != 0) {
        params.seed = number;
        Sampler sampler(params, {});
        uint64_t step = 0;
        for (const json::value& token : wanted.as_array()) {
          const auto logits = logits_of(1000000 + number * 16 + step++, static_cast<size_t>(vocab));
          const auto got = sampler.sample(logits, scratch);
          ASSERT_EQ(got, token.to_number<int32_t>()) << "step " << step;
          sampler.accept(*got, &scratch);
          ++compared;
        }
      } else {
        const auto logits = logits_of(number, static_cast<size_t>(vocab));
        const auto history = history_of(number, 40, family.at("kinds").to_number<uint64_t>());
        uint64_t seed = number * 4;
        for (const json::value& token : wanted.as_array()) {
          params.seed = seed++;
          if (token.to_number<int32_t>() < 0) continue;  // rounding could decide
          Sampler sampler(params, std::span(history).first(25));
          for (const int32_t said : std::span(history).subspan(25)) sampler.accept(said);
          ASSERT_EQ(sampler.sample(logits, scratch), token.to_number<int32_t>());
          ++compared;
        }
      }
      ++number;
    }
  }
  EXPECT_GT(compared, 10000u);
}

// What no token was drawn for leaves mirostat's aim where it was.
TEST(Mirostat, LearnsOnlyFromWhatItDrew) {
  SamplingParams params;
  params.mirostat = 2;
  params.mirostat_tau = 2;
  params.mirostat_eta = 1;
  SamplerScratch scratch;
  Sampler drawn(params, {}), told(params, {});
  const auto logits = logits_of(7, 200);
  bool differ = false;
  for (int i = 0; i < 30; ++i) {
    const auto token = drawn.sample(logits, scratch).value();
    drawn.accept(token, &scratch);
    told.accept(token);
    SamplerScratch a, b;
    const auto one = drawn.sample(logits, a), other = told.sample(logits, b);
    differ = differ || one != other;
  }
  EXPECT_TRUE(differ);
}

TEST(CheckSampling, NamesWhatIsWrong) {
  const auto where = [](auto change) {
    SamplingParams params;
    params.token_bytes = std::make_shared<TokenBytes>(1, piece);
    change(params);
    const Status status = check_sampling(params, 100);
    return status ? std::string() : status.error().where;
  };
  EXPECT_EQ(where([](SamplingParams&) {}), "");
  EXPECT_EQ(where([](SamplingParams& p) { p.typical_p = 0; }), "typical_p");
  EXPECT_EQ(where([](SamplingParams& p) { p.xtc_threshold = NAN; }), "xtc_threshold");
  EXPECT_EQ(where([](SamplingParams& p) { p.mirostat = 3; }), "mirostat");
  EXPECT_EQ(where([](SamplingParams& p) { p.mirostat_tau = 0; }), "mirostat_tau");
  EXPECT_EQ(where([](SamplingParams& p) { p.dry.base = 0.5f; }), "dry_base");
  EXPECT_EQ(where([](SamplingParams& p) { p.dry.last_n = -2; }), "dry_penalty_last_n");
  EXPECT_EQ(where([](SamplingParams& p) { p.dry.sequence_breakers = {""}; }),
            "dry_sequence_breakers");
  EXPECT_EQ(where([](SamplingParams& p) { p.banned_strings = {"a", ""}; }), "banned_strings");
  EXPECT_EQ(where([](SamplingParams& p) { p.banned_strings = {std::string(9000, 'a')}; }),
            "banned_strings");
  EXPECT_EQ(where([](SamplingParams& p) { p.logit_bias = {{100, 1.0f}}; }), "logit_bias");
}

}  // namespace
}  // namespace holdfast
