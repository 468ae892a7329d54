#include "engine/speculation.h"

#include <gtest/gtest.h>

#include "engine/draft_model.h"
#include "engine/engine.h"
#include "fake_model.h"

namespace holdfast {
namespace {

std::vector<int32_t> look_up(const std::vector<int32_t>& history, int32_t wanted) {
  DraftRequest request[] = {{.history = history, .wanted = wanted}};
  make_lookup_drafter()->draft(request);
  return request[0].tokens;
}

TEST(Lookup, ContinuesAsItDidBefore) {
  using Tokens = std::vector<int32_t>;
  EXPECT_EQ(look_up({1, 2, 3, 4, 5, 9, 1, 2}, 3), (Tokens{3, 4, 5}));
  EXPECT_EQ(look_up({1, 2, 3, 4, 5, 9, 1, 2}, 1), (Tokens{3}));
  EXPECT_EQ(look_up({1, 2, 3, 4, 5, 9, 8, 2}, 3), Tokens{}) << "one token in common is nothing";
  EXPECT_EQ(look_up({7}, 3), Tokens{});
  EXPECT_EQ(look_up({}, 3), Tokens{});
  // The latest of equals; a longer agreement before a later one.
  EXPECT_EQ(look_up({1, 2, 3, 1, 2, 4, 1, 2}, 1), (Tokens{4}));
  EXPECT_EQ(look_up({9, 1, 2, 3, 8, 1, 2, 4, 9, 1, 2}, 1), (Tokens{3}));
}

TEST(Lookup, AssumesThatPeriodsGoOn) {
  EXPECT_EQ(look_up({5, 1, 2, 3, 1, 2, 3, 1, 2}, 7), (std::vector<int32_t>{3, 1, 2, 3, 1, 2, 3}));
  EXPECT_EQ(look_up({4, 4, 4}, 3), (std::vector<int32_t>{4, 4, 4}));
}

TEST(DraftPace, GrowsWhileGuessesComeTrueAndPausesWhileNot) {
  DraftPace pace(8);
  EXPECT_EQ(pace.next(), 4);
  pace.learn(4, 4);
  EXPECT_EQ(pace.next(), 8);
  pace.learn(8, 8);
  EXPECT_EQ(pace.next(), 8) << "no more than asked for";
  pace.learn(8, 2);
  EXPECT_EQ(pace.next(), 3);
  pace.learn(3, 0);
  EXPECT_EQ(pace.next(), 1);
  pace.learn(0, 0);  // nobody had a guess
  EXPECT_EQ(pace.next(), 1);
  int pauses = 0;
  for (int miss = 0; miss < 12; ++miss) {
    pace.learn(1, 0);
    for (pauses = 0; pace.next() == 0; ++pauses) {
    }
  }
  EXPECT_EQ(pauses, 32) << "hopeless, so rarely";
  pace.learn(1, 1);
  EXPECT_EQ(pace.next(), 2);
  EXPECT_EQ(DraftPace(1).next(), 1);
}

class Speculating : public testing::Test {
 protected:
  GenerationEvent end_of(Speculation speculation, GenerationRequest request) {
    EngineOptions options;
    options.speculation = speculation;
    options.draft = &draft_;
    auto engine = Engine::create(model_, backend_, options).value();
    auto stream = engine->submit(std::move(request)).value();
    tokens_.clear();
    while (true) {
      GenerationEvent event = stream->next();
      if (event.end) {
        stats_ = engine->stats();
        return event;
      }
      tokens_.push_back(event.token);
    }
  }

  test::FakeModel model_, draft_;
  test::FakeBackend backend_;
  std::vector<int32_t> tokens_;
  EngineStats stats_;
};

TEST_F(Speculating, APerfectGuesserSavesMostSteps) {
  GenerationRequest request;
  request.prompt = {5, 6, 7};
  request.max_tokens = 60;
  request.ignore_eos = true;
  for (const float temperature : {0.0f, 1.5f}) {
    request.sampling.temperature = temperature;
    request.sampling.seed = 3;
    end_of(Speculation::kNone, request);
    const auto plain = tokens_;
    EXPECT_EQ(plain.size(), 60u);
    const GenerationEvent end = end_of(Speculation::kModel, request);
    EXPECT_EQ(tokens_, plain);
    EXPECT_EQ(end.finish, FinishReason::kLength);
    EXPECT_EQ(end.usage.completion_tokens, 60);
    // The draft is the model itself and draws the same numbers: every guess is right.
    EXPECT_EQ(end.usage.accepted_tokens, end.usage.drafted_tokens);
    EXPECT_GT(end.usage.accepted_tokens, 45);
    EXPECT_LT(stats_.steps, 15u);
  }
}

TEST_F(Speculating, AHopelessGuesserIsAskedLessAndLess) {
  draft_.salt = 99;
  GenerationRequest request;
  request.prompt = {5, 6, 7};
  request.max_tokens = 200;
  request.ignore_eos = true;
  request.sampling.temperature = 0;
  const GenerationEvent end = end_of(Speculation::kModel, request);
  EXPECT_EQ(tokens_.size(), 200u);
  EXPECT_LT(end.usage.drafted_tokens, 40);
}

TEST_F(Speculating, AnEndAmongRightGuessesIsTheEnd) {
  GenerationRequest request;
  request.prompt = {5, 6, 7};
  request.max_tokens = 60;
  request.ignore_eos = true;
  request.sampling.temperature = 0;
  end_of(Speculation::kNone, request);
  for (size_t at = 0; at < 20; ++at) {
    auto stopping = request;
    stopping.ignore_eos = false;
    stopping.stop_tokens = {tokens_[at]};
    const auto all = tokens_;
    const GenerationEvent end = end_of(Speculation::kModel, stopping);
    const auto first = std::find(all.begin(), all.end(), all[at]);
    EXPECT_EQ(tokens_, std::vector<int32_t>(all.begin(), first));
    EXPECT_EQ(end.finish, FinishReason::kStop);
    tokens_ = all;
  }
}

TEST_F(Speculating, AnUnreadableModelFailsAsBefore) {
  draft_.broken = true;
  GenerationRequest request;
  request.prompt = {5, 6, 7};
  request.max_tokens = 10;
  EXPECT_EQ(end_of(Speculation::kModel, request).finish, FinishReason::kLength);
  model_.broken = true;
  EXPECT_EQ(end_of(Speculation::kModel, request).finish, FinishReason::kError);
}

}  // namespace
}  // namespace holdfast
