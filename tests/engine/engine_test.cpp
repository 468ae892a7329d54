#include "engine/engine.h"

#include <atomic>
#include <cmath>
#include <cstring>
#include <future>
#include <optional>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "engine/sampler.h"
#include "fake_model.h"
#include "grammar/compile.h"

namespace holdfast {
namespace {

using test::FakeBackend;
using test::FakeModel;

struct Answer {
  std::vector<int32_t> tokens;
  std::vector<float> logprobs;  // chosen, then alternatives, of each token
  GenerationEvent end;
};

void add_logprobs(Answer& answer, const TokenLogprob& chosen,
                  const std::vector<TokenLogprob>& top) {
  answer.logprobs.push_back(chosen.logprob);
  for (const TokenLogprob& t : top) {
    answer.logprobs.push_back(static_cast<float>(t.token));
    answer.logprobs.push_back(t.logprob);
  }
}

Answer collect(Stream& stream) {
  Answer answer;
  while (true) {
    GenerationEvent event = stream.next();
    if (event.end) {
      answer.end = event;
      return answer;
    }
    answer.tokens.push_back(event.token);
    add_logprobs(answer, event.logprob, event.alternatives);
  }
}

// What must come out, without an engine.
Answer expected(const FakeModel& model, const GenerationRequest& request, int32_t context) {
  Answer answer;
  std::vector<int32_t> history = request.prompt;
  Sampler sampler(request.sampling, request.prompt);
  SamplerScratch scratch;
  std::optional<grammar::Matcher> matcher;
  if (request.constraint) matcher.emplace(request.constraint, request.constraint_start);
  ThinkingGuard thinking(request.thinking);
  while (true) {
    const auto logits = model.logits_after(history);
    auto allowed = logits;
    for (size_t i = 0; matcher && i < allowed.size(); ++i) {
      const auto token = static_cast<int32_t>(i);
      if (!grammar::allows(*matcher->mask().value(), token) || (request.ignore_eos && token == 3))
        allowed[i] = -INFINITY;
    }
    if (matcher && matcher->active()) thinking.stop();
    const auto forced = thinking.forced();
    const int32_t token = forced ? *forced : *sampler.sample(allowed, scratch);
    sampler.accept(token, forced ? nullptr : &scratch);
    thinking.accept(token);
    answer.end.thinking_end = thinking.end();
    if (!request.ignore_eos &&
        std::count(request.stop_tokens.begin(), request.stop_tokens.end(), token)) {
      answer.end.finish = FinishReason::kStop;
      return answer;
    }
    const Logprobs logprobs = logprobs_of(logits, token, request.logprobs);
    add_logprobs(answer, logprobs.chosen, logprobs.top);
    answer.tokens.push_back(token);
    history.push_back(token);
    if (matcher) {
      EXPECT_TRUE(matcher->accept(token));
      if (matcher->complete()) {
        answer.end.finish = FinishReason::kStop;
        return answer;
      }
    }
    if (static_cast<int32_t>(answer.tokens.size()) == request.max_tokens ||
        static_cast<int32_t>(history.size()) == context) {
      answer.end.finish = FinishReason::kLength;
      return answer;
    }
  }
}

void expect_same(const Answer& got, const Answer& want) {
  EXPECT_EQ(got.tokens, want.tokens);
  ASSERT_EQ(got.logprobs.size(), want.logprobs.size());
  const size_t bytes = want.logprobs.size() * sizeof(float);
  EXPECT_TRUE(bytes == 0 || std::memcmp(got.logprobs.data(), want.logprobs.data(), bytes) == 0);
  EXPECT_EQ(got.end.finish, want.end.finish);
  EXPECT_EQ(got.end.thinking_end, want.end.thinking_end);
}

// A vocabulary of letters, with tags.
std::string piece_of(int32_t token) {
  return token == 5 ? "</think>" : token == 6 ? "<think>" : std::string(1, "abcdefg"[token % 7]);
}

// What sequences remember besides their tokens.
void add_rules(std::mt19937& random, GenerationRequest& request, int32_t vocab) {
  static const auto pieces = std::make_shared<TokenBytes>(vocab, piece_of);
  SamplingParams& sampling = request.sampling;
  sampling.token_bytes = pieces;
  const auto rules = random();
  if (rules & 1) sampling.mirostat = 1 + static_cast<int32_t>(rules >> 8 & 1);
  if (rules & 2) sampling.dry.multiplier = 1.5f;
  if (rules & 4) sampling.banned_strings = {"ab", "cde"};
  if (rules & 8) sampling.typical_p = 0.8f;
  if (rules & 16) sampling.xtc_probability = 0.5f;
  if (rules & 32) {
    request.thinking.starts_inside = (rules & 64) != 0;
    request.thinking.budget = static_cast<int32_t>(rules >> 9 & 15);
    request.thinking.close = {9, 5, 9};
    request.thinking.piece = piece_of;
  }
}

// Some things to hold answers to; token t is one printable character, 3 is the end.
std::shared_ptr<grammar::Constraint> some_constraint(int32_t which, int32_t vocab) {
  static const auto made = [&] {
    grammar::TokenTableInput input;
    for (int32_t t = 0; t < vocab; ++t)
      input.bytes.emplace_back(t == 3 ? "" : std::string(1, static_cast<char>(' ' + t % 95)));
    input.ends = {3};
    const auto tokens = std::make_shared<const grammar::TokenTable>(std::move(input));
    std::vector<std::shared_ptr<grammar::Constraint>> all;
    for (const auto& [notation, text] :
         {std::pair(grammar::Notation::kRegex, "([a-m]{3}[0-9]?)+"),
          {grammar::Notation::kRegex, ".*"},
          {grammar::Notation::kJsonObject, ""},
          {grammar::Notation::kGbnf, "root ::= [x-z] root [X-Z] | [0-5]"},
          {grammar::Notation::kChoice, "[\"yes\",\"not at all\"]"}}) {
      auto program = grammar::compile({notation, text}).value();
      all.push_back(grammar::Constraint::create(std::move(program), tokens).value());
    }
    return all;
  }();
  return made[static_cast<size_t>(which) % made.size()];
}

GenerationRequest random_request(std::mt19937& random, int32_t vocab) {
  const auto upto = [&](int32_t n) { return static_cast<int32_t>(random() % n); };
  GenerationRequest request;
  // Few different beginnings, so that prefixes meet; then anything.
  const int32_t beginning = upto(3), shared = upto(60);
  for (int32_t i = 0; i < shared; ++i) request.prompt.push_back((beginning * 7 + i) % vocab);
  for (int32_t i = 1 + upto(50); i > 0; --i) request.prompt.push_back(upto(vocab));
  request.max_tokens = 1 + upto(60);
  request.sampling.temperature = upto(2) ? 0.0f : 0.8f;
  request.sampling.top_p = upto(2) ? 1.0f : 0.9f;
  request.sampling.top_k = upto(2) ? 0 : 20;
  request.sampling.frequency_penalty = upto(2) ? 0.0f : 0.3f;
  request.sampling.repetition_penalty = upto(2) ? 1.0f : 1.2f;
  request.sampling.seed = random();
  if (upto(2)) add_rules(random, request, vocab);
  request.stop_tokens = {3};
  request.ignore_eos = upto(2);
  request.logprobs = 2;
  request.cache_salt = upto(4) ? "a" : "b";
  if (upto(3) == 0 && request.sampling.banned_strings.empty())
    request.constraint = some_constraint(upto(100), vocab);
  return request;
}

// kv_bytes for a number of pages of FakeModel's cache.
int64_t bytes_of_pages(const FakeModel& model, int32_t pages, const EngineOptions& options) {
  KvSpec spec = model.kv_spec();
  spec.type = options.kv_type;
  return spec.bytes_per_token() * options.page_tokens * pages;
}

struct Load {
  const char* name;
  int32_t max_sequences, step_tokens, page_tokens, pages;
  Speculation speculation = Speculation::kNone;
  int32_t draft_vocab = 97;
};

class UnderLoad : public testing::TestWithParam<Load> {};

TEST_P(UnderLoad, EveryRequestGetsTheBytesItGetsAlone) {
  const Load load = GetParam();
  FakeModel model(97, 128);
  FakeBackend backend;
  EngineOptions options;
  options.max_sequences = load.max_sequences;
  options.step_tokens = load.step_tokens;
  options.page_tokens = load.page_tokens;
  options.context = 128;
  options.kv_bytes = bytes_of_pages(model, load.pages, options);
  FakeModel guesser(load.draft_vocab, 120);  // mostly, not always, right
  guesser.salt = 77;
  options.speculation = load.speculation;
  options.draft = &guesser;
  if (load.speculation != Speculation::kNone) model.repeats = guesser.repeats = 5;
  int32_t most_rows = 0;
  model.on_forward = [&](const Batch& batch) {
    most_rows = std::max(most_rows, static_cast<int32_t>(batch.tokens.size()));
  };
  auto engine = Engine::create(model, backend, options);
  ASSERT_TRUE(engine.has_value()) << to_string(engine.error());

  std::mt19937 random(7);
  for (int round = 0; round < 4; ++round) {
    std::vector<GenerationRequest> requests;
    std::vector<std::unique_ptr<Stream>> streams;
    for (int i = 0; i < 24; ++i) {
      requests.push_back(random_request(random, 97));
      streams.push_back((*engine)->submit(requests.back()).value());
    }
    for (size_t i = 0; i < streams.size(); ++i) {
      SCOPED_TRACE(i);
      expect_same(collect(*streams[i]), expected(model, requests[i], 128));
    }
  }
  const EngineStats stats = (*engine)->stats();
  EXPECT_LE(most_rows, load.step_tokens);
  if (std::string(load.name).ends_with("FewPages")) {
    EXPECT_GT(stats.preemptions, 0u);
  }
  if (load.speculation == Speculation::kNone) {
    EXPECT_EQ(stats.drafted_tokens, 0u);
  } else {
    EXPECT_GT(stats.accepted_tokens, 100u);
    EXPECT_GT(stats.drafted_tokens, stats.accepted_tokens);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Engine, UnderLoad,
    testing::Values(Load{"Plain", 16, 512, 32, 200}, Load{"OneAtATime", 1, 512, 32, 200},
                    Load{"SmallChunks", 16, 17, 8, 400}, Load{"ChunkOfOneRowEach", 16, 16, 8, 400},
                    Load{"FewPages", 16, 64, 4, 48}, Load{"OneSequenceFits", 16, 64, 4, 32},
                    Load{"PagesOfOneToken", 16, 64, 1, 300},
                    Load{"LookupAlone", 1, 512, 32, 200, Speculation::kLookup},
                    Load{"Lookup", 6, 64, 8, 400, Speculation::kLookup},
                    Load{"LookupFewPages", 16, 64, 4, 48, Speculation::kLookup},
                    Load{"LookupPagesOfOneToken", 4, 64, 1, 300, Speculation::kLookup},
                    Load{"DraftAlone", 1, 512, 32, 200, Speculation::kModel},
                    Load{"Draft", 6, 64, 8, 400, Speculation::kModel},
                    Load{"DraftFewPages", 16, 64, 4, 48, Speculation::kModel},
                    Load{"DraftKnowsFewerTokens", 4, 64, 8, 400, Speculation::kModel, 90},
                    Load{"DraftKnowsMoreTokens", 4, 64, 8, 400, Speculation::kModel, 128}),
    [](const auto& load) { return load.param.name; });

class EngineTest : public testing::Test {
 protected:
  // Waits for the engine to have done with everything; stats follow the events by moments.
  EngineStats settle(const std::function<bool(const EngineStats&)>& done) {
    while (!done(engine_->stats())) std::this_thread::yield();
    return engine_->stats();
  }
  void start(EngineOptions options = {}) {
    auto engine = Engine::create(model_, backend_, options);
    ASSERT_TRUE(engine.has_value()) << to_string(engine.error());
    engine_ = std::move(*engine);
  }
  static GenerationRequest greedy(std::vector<int32_t> prompt, int32_t max_tokens) {
    GenerationRequest request;
    request.prompt = std::move(prompt);
    request.max_tokens = max_tokens;
    request.sampling.temperature = 0;
    return request;
  }

  FakeModel model_;
  FakeBackend backend_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineTest, RefusesWhatCannotRun) {
  start({.context = 64});
  EXPECT_EQ(engine_->context(), 64);
  EXPECT_EQ(engine_->submit(greedy({}, 1)).error().code, Code::kInvalidArgument);
  EXPECT_NE(engine_->submit(greedy({5, 97}, 1)).error().message.find("token 97"),
            std::string::npos);
  const Error overflow = engine_->submit(greedy(std::vector<int32_t>(64, 1), 1)).error();
  EXPECT_EQ(overflow.code, Code::kInvalidArgument);
  EXPECT_NE(overflow.message.find("64 tokens"), std::string::npos) << overflow.message;
  auto request = greedy({1}, 1);
  request.sampling.top_p = 0;
  EXPECT_EQ(engine_->submit(request).error().where, "top_p");
  request.sampling.top_p = NAN;
  EXPECT_EQ(engine_->submit(request).error().where, "top_p");
}

TEST_F(EngineTest, RefusesMemoryForLessThanOneSequence) {
  EngineOptions options;
  options.kv_bytes = 1000;
  const auto engine = Engine::create(model_, backend_, options);
  ASSERT_FALSE(engine.has_value());
  EXPECT_EQ(engine.error().code, Code::kResourceExhausted);
}

TEST_F(EngineTest, EndsAtTheContext) {
  start({.context = 64});
  const Answer answer = collect(*engine_->submit(greedy(std::vector<int32_t>(60, 1), 0)).value());
  EXPECT_EQ(answer.tokens.size(), 4u);
  EXPECT_EQ(answer.end.finish, FinishReason::kLength);
  EXPECT_EQ(answer.end.usage.prompt_tokens, 60);
  EXPECT_EQ(answer.end.usage.completion_tokens, 4);
}

TEST_F(EngineTest, FindsPrefixesWithinASaltOnly) {
  start();
  std::vector<int32_t> prompt(100);
  for (int i = 0; i < 100; ++i) prompt[i] = i % 90;
  auto request = greedy(prompt, 4);
  request.cache_salt = "ada";
  EXPECT_EQ(collect(*engine_->submit(request).value()).end.usage.cached_tokens, 0);
  // All but the last token, the begun page included.
  EXPECT_EQ(collect(*engine_->submit(request).value()).end.usage.cached_tokens, 99);
  request.prompt[70] = 91;
  EXPECT_EQ(collect(*engine_->submit(request).value()).end.usage.cached_tokens, 70);
  request.cache_salt = "bob";
  EXPECT_EQ(collect(*engine_->submit(request).value()).end.usage.cached_tokens, 0);
}

// What a tenant could measure is the work its requests make: the rows of every step. For a thousand
// pairs of prompts it is the same whether another tenant has just asked the same or not.
TEST_F(EngineTest, WorkDoesNotTellWhatAnotherTenantAsked) {
  std::vector<std::pair<size_t, size_t>> steps;  // rows, and sequences
  model_.on_forward = [&](const Batch& batch) {
    steps.emplace_back(batch.tokens.size(), batch.sequences.size());
  };
  start();
  std::mt19937 random(11);
  const auto ask = [&](const std::string& tenant, const std::vector<int32_t>& prompt) {
    auto request = greedy(prompt, 3);
    request.cache_salt = request.standing.tenant = tenant;
    request.ignore_eos = true;
    steps.clear();
    const Usage usage = collect(*engine_->submit(request).value()).end.usage;
    settle([](const EngineStats& s) { return s.running == 0; });
    return std::make_tuple(usage.cached_tokens, steps);
  };
  for (int pair = 0; pair < 1000; ++pair) {
    std::vector<int32_t> prompt(100 + random() % 60);
    for (int32_t& token : prompt) token = static_cast<int32_t>(random() % 97);
    std::vector<int32_t> other = prompt;
    for (int32_t& token : other) token = static_cast<int32_t>(random() % 97);
    ask("victim", prompt);
    // Spies of their own each, so that the second does not find the first one's.
    const auto same = ask("spy " + std::to_string(2 * pair), prompt);
    const auto different = ask("spy " + std::to_string(2 * pair + 1), other);
    ASSERT_EQ(same, different) << pair;
    ASSERT_EQ(std::get<0>(same), 0);
  }
}

TEST_F(EngineTest, SeveralAnswersToOnePromptComputeItOnce) {
  start({.step_tokens = 64});
  auto request = greedy(std::vector<int32_t>(200, 7), 8);
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 0; i < 4; ++i) streams.push_back(engine_->submit(request).value());
  for (auto& stream : streams) collect(*stream);
  const EngineStats stats = settle([](const EngineStats& s) { return s.running == 0; });
  EXPECT_LE(stats.prompt_tokens, 200u + 3 * 32);
}

TEST_F(EngineTest, ADroppedStreamFreesItsPagesWithinOneStep) {
  std::atomic<uint64_t> steps = 0;
  std::promise<void> running;
  model_.on_forward = [&](const Batch&) {
    if (++steps == 3) running.set_value();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  };
  start();
  const int32_t all = engine_->stats().pages_free;
  auto stream = engine_->submit(greedy(std::vector<int32_t>(100, 1), 0)).value();
  running.get_future().wait();
  const uint64_t before = steps;
  stream.reset();
  const EngineStats stats = settle([](const EngineStats& s) { return s.running == 0; });
  EXPECT_LE(steps - before, 2u);  // the one under way, and one that had begun to gather
  EXPECT_EQ(stats.pages_free, all);
}

TEST_F(EngineTest, TheEngineMayGoBeforeItsStreams) {
  start();
  auto stream = engine_->submit(greedy({1, 2, 3}, 0)).value();
  engine_.reset();
  const Answer answer = collect(*stream);
  EXPECT_TRUE(answer.end.finish == FinishReason::kCancelled || answer.tokens.size() > 500);
}

TEST_F(EngineTest, NoNumbersAreAnErrorOfThatStream) {
  model_.broken = true;
  start();
  const Answer answer = collect(*engine_->submit(greedy({1}, 4)).value());
  EXPECT_EQ(answer.end.finish, FinishReason::kError);
  ASSERT_TRUE(answer.end.error.has_value());
}

TEST_F(EngineTest, TheLineHasAnEnd) {
  std::promise<void> go;
  model_.on_forward = [done = go.get_future().share()](const Batch&) { done.wait(); };
  EngineOptions options{.max_sequences = 1};
  options.max_waiting = 5;
  start(options);
  std::vector<std::unique_ptr<Stream>> streams;
  streams.push_back(engine_->submit(greedy({1, 2}, 3)).value());
  while (engine_->stats().waiting_tokens > 0) std::this_thread::yield();  // it runs
  std::optional<Error> refusal;
  while (!refusal) {
    auto stream = engine_->submit(greedy({1, 2}, 3));
    stream ? streams.push_back(std::move(*stream)) : void(refusal = stream.error());
  }
  EXPECT_EQ(streams.size(), 5u);  // one runs, and four of five places are for one tenant
  EXPECT_EQ(refusal->code, Code::kResourceExhausted);
  EXPECT_NE(refusal->hint.find("try again in about"), std::string::npos);
  auto other = greedy({1, 2}, 3);
  other.standing.tenant = "other";
  streams.push_back(engine_->submit(other).value());
  EXPECT_EQ(engine_->submit(other).error().code, Code::kUnavailable);
  EXPECT_EQ(engine_->stats().refused, 2u);
  EXPECT_EQ(engine_->stats().waiting_tokens, 10);
  go.set_value();
  for (auto& stream : streams) EXPECT_EQ(collect(*stream).tokens.size(), 3u);
  EXPECT_EQ(engine_->stats().waiting_tokens, 0);
  EXPECT_EQ(collect(*engine_->submit(other).value()).tokens.size(), 3u);
}

TEST_F(EngineTest, DeadlinesEndWhatHasNotEnded) {
  model_.on_forward = [](const Batch&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  start({.max_sequences = 1});
  const auto soon = [] { return std::chrono::steady_clock::now() + std::chrono::milliseconds(50); };
  auto running = greedy({1, 2}, 0), waiting = greedy({3, 4}, 1);
  running.standing.deadline = soon();
  waiting.standing.deadline = soon();
  auto first = engine_->submit(running).value();
  auto second = engine_->submit(waiting).value();
  for (Stream* stream : {first.get(), second.get()}) {
    const Answer answer = collect(*stream);
    EXPECT_EQ(answer.end.finish, FinishReason::kError);
    ASSERT_TRUE(answer.end.error.has_value());
    EXPECT_EQ(answer.end.error->code, Code::kUnavailable);
    EXPECT_EQ(answer.end.error->where, "deadline");
  }
  EXPECT_EQ(settle([](const EngineStats& s) { return s.running == 0; }).expired, 2u);
  auto in_time = greedy({1, 2}, 3);
  in_time.standing.deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
  EXPECT_EQ(collect(*engine_->submit(in_time).value()).tokens.size(), 3u);
  in_time.standing.weight = 0;
  EXPECT_EQ(engine_->submit(in_time).error().where, "weight");
}

TEST_F(EngineTest, AnUrgentOneTakesTheRoomOfALowOneThatGoesOnLater) {
  std::atomic<int> rows_seen = 0;
  model_.on_forward = [&](const Batch& batch) {
    rows_seen += static_cast<int>(batch.tokens.size());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  start({.max_sequences = 1});
  auto low = greedy(std::vector<int32_t>(40, 5), 100), high = greedy({1, 2}, 5);
  low.standing.priority = Priority::kLow;
  high.standing.priority = Priority::kHigh;
  high.logprobs = 0;
  auto slow = engine_->submit(low).value();
  std::vector<int32_t> said = {slow->next().token};
  const Answer urgent = collect(*engine_->submit(high).value());
  expect_same(urgent, expected(model_, high, engine_->context()));
  EXPECT_FALSE([&] {  // the low one has not ended meanwhile
    while (auto event = slow->try_next()) {
      if (event->end) return true;
      said.push_back(event->token);
    }
    return false;
  }());
  const Answer rest = collect(*slow);
  said.insert(said.end(), rest.tokens.begin(), rest.tokens.end());
  EXPECT_EQ(said, expected(model_, low, engine_->context()).tokens);
  EXPECT_EQ(engine_->stats().preemptions, 1u);
  EXPECT_LT(rows_seen, 40 + 100 + 7 + 40);  // what it had computed was still there
}

TEST_F(EngineTest, CallsBackForEveryEvent) {
  start();
  for (int round = 0; round < 20; ++round) {
    auto stream = engine_->submit(greedy({1, 2, 3}, 20)).value();
    std::mutex mutex;
    std::condition_variable ready;
    int calls = 0;
    stream->on_ready([&] {
      const std::lock_guard lock(mutex);
      ++calls;
      ready.notify_one();
    });
    int tokens = 0;
    for (bool end = false; !end;) {
      {
        std::unique_lock lock(mutex);
        ready.wait(lock, [&] { return calls > 0; });
        calls = 0;
      }
      while (auto event = stream->try_next()) event->end ? end = true : ++tokens;
    }
    EXPECT_EQ(tokens, 20);
  }
}

TEST_F(EngineTest, StandsManyThreadsThatComeAndGo) {
  EngineOptions options{.max_sequences = 8, .step_tokens = 32, .context = 256, .page_tokens = 8};
  options.kv_bytes = bytes_of_pages(model_, 64, options);
  start(options);
  const int32_t all = engine_->stats().pages_free;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int i = 0; i < 40; ++i) {
        const GenerationRequest request = random_request(random, 97);
        auto stream = engine_->submit(request).value();
        if (random() % 3 == 0) {  // leaves early
          for (uint32_t n = random() % 10; n > 0 && !stream->next().end;) --n;
          continue;
        }
        expect_same(collect(*stream), expected(model_, request, 256));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const EngineStats stats =
      settle([](const EngineStats& s) { return s.running == 0 && s.waiting == 0; });
  EXPECT_EQ(stats.pages_free, all);
}

}  // namespace
}  // namespace holdfast
