#include "engine/sampler.h"

#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "engine/exp_sum.h"
#include "engine/random.h"

namespace holdfast {
namespace {

namespace json = boost::json;

const json::object& golden() {
  static const json::object cases = [] {
    std::ifstream file(HOLDFAST_SOURCE_DIR "/tests/golden/engine/sampler.json");
    return json::parse(std::string(std::istreambuf_iterator<char>(file), {})).as_object();
  }();
  return cases;
}

template <class T>
std::vector<T> numbers(const json::value& values) {
  std::vector<T> out;
  for (const json::value& v : values.as_array()) out.push_back(v.to_number<T>());
  return out;
}

SamplingParams parameters(const json::object& p) {
  const auto number = [&](const char* key, double otherwise) {
    return p.contains(key) ? p.at(key).to_number<double>() : otherwise;
  };
  SamplingParams params;
  params.temperature = static_cast<float>(number("temperature", 1));
  params.top_p = static_cast<float>(number("top_p", 1));
  params.top_k = static_cast<int32_t>(number("top_k", 0));
  params.min_p = static_cast<float>(number("min_p", 0));
  params.presence_penalty = static_cast<float>(number("presence_penalty", 0));
  params.frequency_penalty = static_cast<float>(number("frequency_penalty", 0));
  params.repetition_penalty = static_cast<float>(number("repetition_penalty", 1));
  if (p.contains("logit_bias")) {
    for (const json::value& pair : p.at("logit_bias").as_array())
      params.logit_bias.emplace_back(pair.at(0).to_number<int32_t>(),
                                     pair.at(1).to_number<float>());
  }
  return params;
}

int32_t draw(SamplingParams params, uint64_t seed, std::span<const float> logits,
             std::span<const int32_t> prompt, std::span<const int32_t> answer) {
  params.seed = seed;
  Sampler sampler(params, prompt);
  for (const int32_t token : answer) sampler.accept(token);
  SamplerScratch scratch;
  return sampler.sample(logits, scratch).value();
}

TEST(Sampler, DrawsAsTheReferenceDoes) {
  for (const json::value& value : golden().at("cases").as_array()) {
    const json::object& c = value.as_object();
    SCOPED_TRACE(json::serialize(c.at("parameters")));
    const SamplingParams params = parameters(c.at("parameters").as_object());
    const auto logits = numbers<float>(c.at("logits"));
    const auto prompt = numbers<int32_t>(c.at("prompt"));
    const auto answer = numbers<int32_t>(c.at("answer"));
    for (const json::value& pair : c.at("draws").as_array()) {
      ASSERT_EQ(draw(params, pair.at(0).to_number<uint64_t>(), logits, prompt, answer),
                pair.at(1).to_number<int32_t>());
    }
    // Nothing outside the kept set, whatever the seed; and all of a small one.
    const auto allowed = numbers<int32_t>(c.at("allowed"));
    std::set<int32_t> seen;
    for (uint64_t seed = 0; seed < 2000; ++seed)
      seen.insert(draw(params, seed, logits, prompt, answer));
    for (const int32_t token : seen)
      EXPECT_TRUE(std::binary_search(allowed.begin(), allowed.end(), token)) << token;
    if (allowed.size() <= 3) {
      EXPECT_EQ(seen.size(), allowed.size());
    }
  }
}

TEST(Sampler, LogprobsAreThoseOfTheUnmodifiedLogits) {
  for (const json::value& c : golden().at("cases").as_array()) {
    const auto logits = numbers<float>(c.at("logits"));
    const auto& want = c.at("logprobs").as_array();
    const auto first = want[0].at(0).to_number<int32_t>();
    const Logprobs got = logprobs_of(logits, first, static_cast<int32_t>(want.size()));
    EXPECT_EQ(got.chosen.logprob, static_cast<float>(want[0].at(1).to_number<double>()));
    ASSERT_EQ(got.top.size(), want.size());
    for (size_t i = 0; i < want.size(); ++i) {
      EXPECT_EQ(got.top[i].token, want[i].at(0).to_number<int32_t>());
      EXPECT_NEAR(got.top[i].logprob, want[i].at(1).to_number<double>(), 2e-7 * 30);
    }
  }
}

TEST(Random, IsPhilox) {
  const auto& uniforms = golden().at("uniforms").as_array();
  for (const json::value& u : uniforms) {
    EXPECT_EQ(counter_uniform(u.at(0).to_number<uint64_t>(), u.at(1).to_number<uint64_t>()),
              static_cast<double>(u.at(2).to_number<uint64_t>()) * 0x1p-53);
  }
  // Random123's known answer for a zero counter and key begins 6627e8d5 e169c58d.
  EXPECT_EQ(counter_uniform(0, 0), static_cast<double>(0xe169c58d6627e8d5 >> 11) * 0x1p-53);
}

TEST(Sampler, GreedyTakesTheFirstOfEquals) {
  SamplingParams params;
  params.temperature = 0;
  const Sampler sampler(params, {});
  SamplerScratch scratch;
  for (size_t vocab : {2, 15, 16, 17, 100}) {
    std::vector<float> logits(vocab, -1.0f);
    logits[vocab - 1] = logits[vocab / 2] = 3.0f;
    EXPECT_EQ(sampler.sample(logits, scratch), static_cast<int32_t>(vocab / 2));
  }
}

TEST(Sampler, StandsWhatIsNoNumber) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  for (const float temperature : {0.0f, 1e-30f, 1.0f}) {
    for (const int32_t top_k : {0, 2}) {
      SamplingParams params;
      params.temperature = temperature;
      params.top_k = top_k;
      const Sampler sampler(params, {});
      SamplerScratch scratch;
      EXPECT_EQ(sampler.sample(std::vector<float>{nan, -inf, 2.0f, nan}, scratch), 2);
      EXPECT_FALSE(sampler.sample(std::vector<float>{nan, -inf, nan}, scratch).has_value());
      EXPECT_FALSE(sampler.sample(std::vector<float>{nan, inf, nan}, scratch).has_value());
    }
  }
}

TEST(Sampler, FollowsTheDistribution) {
  // Frequencies of 20,000 draws over a vocabulary wider than one block; 5 standard deviations.
  std::vector<float> logits(3000);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = i % 100 == 7 ? 2.0f : -4.0f;
  double total = 0;
  for (const float l : logits) total += std::exp(l);
  SamplingParams params;
  SamplerScratch scratch;
  constexpr int kDraws = 20000;
  int hits = 0;
  for (int i = 0; i < kDraws; ++i) {
    params.seed = static_cast<uint64_t>(i);
    if (*Sampler(params, {}).sample(logits, scratch) % 100 == 7) ++hits;
  }
  const double p = 30 * std::exp(2.0) / total;
  EXPECT_NEAR(hits, kDraws * p, 5 * std::sqrt(kDraws * p * (1 - p)));
}

TEST(ExpWeights, AreExponentialsInAFixedOrder) {
  std::vector<float> x(5003), weights(5003);
  for (size_t i = 0; i < x.size(); ++i) x[i] = -90.0f * static_cast<float>(i) / 5003.0f;
  double want = 0;
  const double sum = exp_weights(x, 0.0f, 1.0f, weights);
  for (size_t i = 0; i < x.size(); ++i) {
    const double e = std::exp(static_cast<double>(x[i]));
    want += e;
    if (x[i] > -80.0f) {
      EXPECT_NEAR(weights[i] / e, 1.0, 1e-6) << x[i];
    } else {
      EXPECT_LT(weights[i], kNoWeight);
    }
  }
  EXPECT_NEAR(sum / want, 1.0, 1e-6);
  EXPECT_EQ(max_of(x), 0.0f);
  EXPECT_NEAR(log_sum_exp(x, 0.0f), std::log(want), 1e-12);
}

}  // namespace
}  // namespace holdfast
