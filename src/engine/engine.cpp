#include "engine/engine.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/available_memory.h"
#include "base/check.h"
#include "engine/batch_builder.h"
#include "engine/constrain.h"
#include "engine/draft_model.h"
#include "engine/kv_budget.h"
#include "engine/kv_pages.h"
#include "engine/scheduler.h"
#include "engine/sequence.h"
#include "engine/stream.h"
#include "engine/waiting_line.h"

namespace holdfast {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Rows up to which a step costs about as much as one row, so that guesses are cheap. In a crowd
// there is no room for them: its rows are worth more.
constexpr int32_t kSpeculativeRows = 16;
// An idle engine brings its weights where they are fastest, in pieces that a request hardly
// notices.
constexpr std::chrono::milliseconds kIdleSettle{5};

// The one queue into the engine thread. Shared with the streams, which may outlive the engine.
struct Inbox {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::unique_ptr<Sequence>> arrived;
  SequenceId next_id = 0;
  bool woken = false;  // somebody cancelled
  bool stopping = false;
};

int64_t line_tokens(const EngineOptions& options, const KvCache& cache) {
  constexpr int64_t kTimesCache = 16;
  if (options.max_waiting_tokens > 0) return options.max_waiting_tokens;
  return kTimesCache * cache.spec().pages * cache.spec().page_tokens;
}

Error expired_error(const Sequence& sequence) {
  Error error{Code::kUnavailable,
              sequence.usage.completion_tokens > 0
                  ? fmt::format("the deadline has passed after {} tokens of the answer",
                                sequence.usage.completion_tokens)
              : sequence.admitted_before ? "the deadline has passed before the prompt was read"
                                         : "the deadline has passed while the request waited",
              "deadline", "allow more time, or ask for less"};
  return error;
}

class EngineImpl final : public Engine {
 public:
  EngineImpl(Model& model, Backend& backend, std::unique_ptr<KvCache> cache, int32_t context,
             std::unique_ptr<Drafter> drafter, const EngineOptions& options)
      : model_(model),
        backend_(backend),
        context_(context),
        vocab_(model.config().vocab),
        most_drafted_(options.speculation_tokens),
        speculative_rows_(std::min(kSpeculativeRows, options.step_tokens)),
        drafter_(std::move(drafter)),
        cache_(std::move(cache)),
        kv_(*cache_, options.shared_beginnings),
        scheduler_({.max_sequences = options.max_sequences,
                    .step_tokens = options.step_tokens,
                    .step_seconds = options.step_seconds}),
        line_({options.max_waiting, line_tokens(options, *cache_)}),
        inbox_(std::make_shared<Inbox>()) {
    stats_.pages_total = kv_.total();
    stats_.pages_free = kv_.available();
    thread_ = std::thread([this] { run(); });
  }

  ~EngineImpl() override {
    {
      const std::lock_guard lock(inbox_->mutex);
      inbox_->stopping = true;
    }
    inbox_->changed.notify_one();
    thread_.join();
  }

  Result<std::unique_ptr<Stream>> submit(GenerationRequest request) override;
  int32_t context() const override { return context_; }
  EngineStats stats() const override {
    const WaitingLine::State line = line_.state();
    const std::lock_guard lock(stats_mutex_);
    EngineStats stats = stats_;
    stats.waiting_tokens = line.tokens;
    stats.wait_seconds = line.wait_seconds;
    stats.refused = line.refused;
    return stats;
  }

 private:
  void run();
  bool receive();  // false: stop
  void drop_ended();
  void admit();
  Demand demand_of(SequenceId id) const;
  void send_away(SequenceId id);
  void leave_line(Sequence& sequence);
  bool better_later(const Sequence& candidate, int32_t known) const;
  std::vector<Share> plan_step();
  void draft(const std::vector<Share>& shares);
  void step(const std::vector<Share>& shares);
  void account_for(const std::vector<Share>& shares, double seconds);
  void take_tokens(Sequence& sequence, std::span<const float> logits);
  bool take_token(Sequence& sequence, std::span<const float> logits, int32_t guess);
  void forget_drafts(SequenceId id) {
    if (drafter_) drafter_->forget(id);
  }
  void finish(Sequence& sequence, FinishReason reason, std::optional<Error> error = {});
  void show_stats();

  Sequence& at(SequenceId id) { return *sequences_.at(id); }

  Model& model_;
  Backend& backend_;
  const int32_t context_;
  const int32_t vocab_;
  const int32_t most_drafted_;
  const int32_t speculative_rows_;
  const std::unique_ptr<Drafter> drafter_;  // none: no speculation

  // The engine thread's.
  std::unique_ptr<KvCache> cache_;
  KvPages kv_;
  Scheduler scheduler_;
  std::map<SequenceId, std::unique_ptr<Sequence>> sequences_;
  BatchBuilder builder_;
  SamplerScratch scratch_;
  std::vector<float> masked_;
  EngineStats counters_;
  const Clock::time_point epoch_ = Clock::now();

  WaitingLine line_;
  std::shared_ptr<Inbox> inbox_;
  mutable std::mutex stats_mutex_;
  EngineStats stats_;  // what others see
  std::thread thread_;
};

Result<std::unique_ptr<Stream>> EngineImpl::submit(GenerationRequest request) {
  if (request.prompt.empty())
    return fail(Code::kInvalidArgument, "the prompt is empty: it must hold at least one token",
                "prompt");
  for (const int32_t token : request.prompt) {
    if (token < 0 || token >= vocab_)
      return fail(
          Code::kInvalidArgument,
          fmt::format("token {} of the prompt is outside the vocabulary of {}", token, vocab_),
          "prompt");
  }
  const size_t size = request.prompt.size();
  if (size >= static_cast<size_t>(context_))
    return fail(Code::kInvalidArgument,
                fmt::format("the prompt has {} tokens, and the context holds {}, the answer "
                            "included",
                            size, context_),
                std::string(kContextLength),
                "shorten the prompt, or serve the model with a longer context");
  if (request.max_tokens < 0)
    return fail(Code::kInvalidArgument, "max_tokens must be 0 (no limit) or more", "max_tokens");
  RETURN_IF_ERROR(check_sampling(request.sampling, vocab_));

  const Standing& standing = request.standing;
  if (!std::isfinite(standing.weight) || standing.weight <= 0)
    return fail(Code::kInvalidArgument, "a tenant's weight must be above 0", "weight");
  std::optional<double> patience;
  if (standing.deadline) patience = -seconds_since(*standing.deadline);
  RETURN_IF_ERROR(line_.enter(standing.tenant, std::ssize(request.prompt), patience));

  auto channel = std::make_shared<Channel>();
  auto sequence = std::make_unique<Sequence>(std::move(request), channel, most_drafted_);
  {
    const std::lock_guard lock(inbox_->mutex);
    sequence->id = inbox_->next_id++;
    inbox_->arrived.push_back(std::move(sequence));
  }
  inbox_->changed.notify_one();
  return make_stream(std::move(channel), [inbox = inbox_] {
    {
      const std::lock_guard lock(inbox->mutex);
      inbox->woken = true;
    }
    inbox->changed.notify_one();
  });
}

void EngineImpl::run() {
  while (receive()) {
    const auto start = Clock::now();
    scheduler_.tell_time(seconds_since(epoch_));
    drop_ended();
    admit();
    const std::vector<Share> shares = plan_step();
    if (!shares.empty()) {
      draft(shares);
      step(shares);
      ++counters_.steps;
      counters_.step_seconds += seconds_since(start);
    }
    show_stats();
  }
  while (!sequences_.empty()) finish(*sequences_.begin()->second, FinishReason::kCancelled);
  show_stats();
}

bool EngineImpl::receive() {
  std::vector<std::unique_ptr<Sequence>> arrived;
  {
    std::unique_lock lock(inbox_->mutex);
    if (sequences_.empty()) {
      const auto called = [&] {
        return inbox_->stopping || inbox_->woken || !inbox_->arrived.empty();
      };
      while (!called()) {
        lock.unlock();
        const bool more = backend_.settle(kIdleSettle);
        lock.lock();
        if (!more) inbox_->changed.wait(lock, called);
      }
    }
    inbox_->woken = false;
    arrived.swap(inbox_->arrived);
    for (auto& sequence : arrived) {
      const SequenceId id = sequence->id;
      const Standing& standing = sequence->request.standing;
      scheduler_.arrive(id, {standing.tenant, standing.weight, standing.priority});
      sequences_.emplace(id, std::move(sequence));
    }
    return !inbox_->stopping;
  }
}

void EngineImpl::drop_ended() {
  const auto now = Clock::now();
  for (auto next = sequences_.begin(); next != sequences_.end();) {
    Sequence& sequence = *(next++)->second;
    const auto& deadline = sequence.request.standing.deadline;
    if (sequence.channel->cancelled()) {
      finish(sequence, FinishReason::kCancelled);
    } else if (deadline && *deadline <= now) {
      ++counters_.expired;
      finish(sequence, FinishReason::kError, expired_error(sequence));
    }
  }
}

Demand EngineImpl::demand_of(SequenceId id) const {
  const Sequence& sequence = *sequences_.at(id);
  return {sequence.pending(), sequence.cached};
}

// Back into the line; what it computed stays for as long as nobody needs the pages.
void EngineImpl::send_away(SequenceId id) {
  Sequence& sequence = at(id);
  kv_.publish(sequence.table, sequence.history, sequence.cached, true);
  kv_.release(sequence.table);
  sequence.cached = 0;
  scheduler_.preempt(id);
  forget_drafts(id);
  ++counters_.preemptions;
}

void EngineImpl::leave_line(Sequence& sequence) {
  if (sequence.admitted_before) return;
  line_.leave(sequence.request.standing.tenant, sequence.usage.prompt_tokens);
}

void EngineImpl::admit() {
  const auto try_admit = [&](SequenceId id) {
    Sequence& sequence = at(id);
    const auto known = kv_.look_up(sequence.request.cache_salt, sequence.history);
    if (better_later(sequence, known.tokens)) return Admission::kLater;
    // A page to grow for each that runs, so that a newcomer does not preempt itself at once.
    const auto running = static_cast<int32_t>(scheduler_.running().size());
    if (known.cost + running > kv_.available()) {
      CHECK(running > 0) << "an empty engine has no room for " << sequence.history.size()
                         << " tokens";
      return Admission::kNoRoom;
    }
    sequence.cached = kv_.attach(sequence.table, sequence.request.cache_salt, sequence.history);
    if (!sequence.admitted_before) sequence.usage.cached_tokens = sequence.cached;
    leave_line(sequence);
    sequence.admitted_before = true;
    return Admission::kAdmitted;
  };
  scheduler_.admit(
      try_admit, [&](SequenceId id) { return demand_of(id); },
      [&](SequenceId id) { send_away(id); });
}

// Somebody is computing at least a page that the candidate could share, but is not there yet: n > 1
// and users of one system prompt compute it once.
bool EngineImpl::better_later(const Sequence& candidate, int32_t known) const {
  for (const SequenceId id : scheduler_.running()) {
    const Sequence& other = *sequences_.at(id);
    if (other.pending() <= 1) continue;
    const auto [end, unused] = std::mismatch(candidate.history.begin(), candidate.history.end() - 1,
                                             other.history.begin(), other.history.end());
    auto common = static_cast<int32_t>(end - candidate.history.begin());
    if (other.request.cache_salt != candidate.request.cache_salt) {
      common = std::min(common, kv_.common_tokens(candidate.history));
    }
    if (common / kv_.page_tokens() * kv_.page_tokens() > known) return true;
  }
  return false;
}

// Everybody who runs gets pages for its rows; those who find none send the last in the scheduler's
// order back into the line.
std::vector<Share> EngineImpl::plan_step() {
  std::vector<Share> shares = scheduler_.share([&](SequenceId id) { return demand_of(id); });
  for (size_t i = 0; i < shares.size(); ++i) {
    Sequence& sequence = at(shares[i].id);
    while (!kv_.grow(sequence.table, sequence.cached + shares[i].rows)) {
      const SequenceId victim = shares.back().id;
      send_away(victim);
      shares.pop_back();
      if (victim == sequence.id) break;
    }
  }
  return shares;
}

// Guesses for those who decode, as far as rows and free pages allow: nobody is sent away for them.
void EngineImpl::draft(const std::vector<Share>& shares) {
  if (!drafter_) return;
  int32_t room = speculative_rows_, left = 0;  // sequences that still may want guesses
  for (const Share& share : shares) {
    room -= share.rows;
    if (at(share.id).pending() == 1) ++left;
  }
  std::vector<DraftRequest> requests;
  for (const Share& share : shares) {
    Sequence& sequence = at(share.id);
    sequence.drafted.clear();
    if (sequence.pending() != 1) continue;
    const auto known = static_cast<int32_t>(sequence.history.size());
    int32_t wanted = std::min(sequence.pace.next(), room / left--);
    wanted = std::min(wanted, context_ - known - 1);
    if (sequence.request.max_tokens > 0) {
      wanted = std::min(wanted, sequence.request.max_tokens - sequence.usage.completion_tokens - 1);
    }
    if (wanted <= 0) continue;
    kv_.grow(sequence.table, known + wanted);
    const auto held = static_cast<int32_t>(sequence.table.pages.size()) * kv_.page_tokens();
    wanted = std::min(wanted, held - known);
    if (wanted <= 0) continue;
    room -= wanted;
    requests.push_back({.id = sequence.id,
                        .history = sequence.history,
                        .wanted = wanted,
                        .sampler = &sequence.sampler});
  }
  if (requests.empty()) return;
  drafter_->draft(requests);
  for (DraftRequest& request : requests) at(request.id).drafted = std::move(request.tokens);
}

void EngineImpl::step(const std::vector<Share>& shares) {
  builder_.clear();
  std::vector<int32_t> rows;
  for (const Share& share : shares) {
    const Sequence& sequence = at(share.id);
    const std::span<const int32_t> history = sequence.history;
    rows.assign(history.begin() + sequence.cached, history.begin() + sequence.cached + share.rows);
    rows.insert(rows.end(), sequence.drafted.begin(), sequence.drafted.end());
    const bool complete = share.rows == sequence.pending();
    builder_.add(rows, sequence.cached, sequence.table.pages,
                 complete ? 1 + static_cast<int32_t>(sequence.drafted.size()) : 0);
  }

  const auto start = Clock::now();
  backend_.begin_step();
  const std::span<const float> logits = backend_.read(model_.forward(builder_.batch(), *cache_));
  const double seconds = seconds_since(start);
  counters_.model_seconds += seconds;
  account_for(shares, seconds);

  size_t row = 0;
  for (const Share& share : shares) {
    Sequence& sequence = at(share.id);
    const bool complete = share.rows == sequence.pending();
    const bool prefill = sequence.pending() > 1;
    sequence.cached += share.rows;
    if (sequence.usage.completion_tokens == 0) counters_.prompt_tokens += share.rows;
    kv_.publish(sequence.table, sequence.history, sequence.cached, complete && prefill);
    if (!complete) continue;
    const size_t count = 1 + sequence.drafted.size();
    take_tokens(sequence, logits.subspan(row * vocab_, count * vocab_));
    row += count;
  }
  backend_.end_step();
}

// Whom the step's rows were for, and what they cost. Guesses are the engine's idea: nobody pays.
void EngineImpl::account_for(const std::vector<Share>& shares, double seconds) {
  int64_t rows = 0, attended = 0;
  for (const Share& share : shares) {
    const Sequence& sequence = at(share.id);
    const auto n = static_cast<int64_t>(share.rows) + std::ssize(sequence.drafted);
    rows += n;
    attended += n * sequence.cached + n * (n + 1) / 2;
    scheduler_.computed(share.id, share.rows);
  }
  scheduler_.measured(rows, attended, seconds);
  const StepCost& cost = scheduler_.cost();
  if (cost.row() > 0) {
    kv_.set_cost_of_depth(std::min(1.0, cost.attended() * kv_.page_tokens() / cost.row()));
  }
  line_.computed(rows, seconds);
}

// The next token, and as many after it as were guessed right: logits: [1 + drafted, vocab]. What
// the cache holds of wrong guesses is behind `cached`, where it will be written over.
void EngineImpl::take_tokens(Sequence& sequence, std::span<const float> logits) {
  const std::vector<int32_t> drafted = std::exchange(sequence.drafted, {});
  const auto guesses = static_cast<int32_t>(drafted.size());
  sequence.usage.drafted_tokens += guesses;
  counters_.drafted_tokens += guesses;
  for (int32_t accepted = 0;; ++accepted) {
    const auto next = logits.subspan(static_cast<size_t>(accepted) * vocab_, vocab_);
    const bool right = accepted < guesses;
    if (!take_token(sequence, next, right ? drafted[accepted] : -1)) return;
    if (accepted == guesses || sequence.history.back() != drafted[accepted]) {
      sequence.pace.learn(guesses, accepted);
      return;
    }
    ++sequence.cached;
  }
}

// `guess`: what was drafted for this place, or -1. False: the sequence has ended and is gone.
bool EngineImpl::take_token(Sequence& sequence, std::span<const float> logits, int32_t guess) {
  const GenerationRequest& request = sequence.request;
  // An answer held to a form begins with the tag; line breaks after it are the constraint's to
  // judge.
  if (sequence.matcher && sequence.matcher->active()) sequence.thinking.stop();
  std::optional<int32_t> token = sequence.thinking.forced();
  const bool forced = token.has_value();
  if (!forced && sequence.matcher) {
    auto allowed = sample_allowed(sequence.sampler, *sequence.matcher, !request.ignore_eos, logits,
                                  masked_, scratch_);
    if (!allowed) {
      finish(sequence, FinishReason::kError, allowed.error());
      return false;
    }
    token = *allowed;
  } else if (!forced) {
    token = sequence.sampler.sample(logits, scratch_);
  }
  if (!token) {
    finish(sequence, FinishReason::kError,
           sequence.sampler.forbids()
               ? Error{Code::kInvalidArgument, "the banned strings leave no token to go on with",
                       "banned_strings", ""}
               : Error{Code::kInternal, "the model's output is not a number", "",
                       "the weights may be damaged: check the file"});
    return false;
  }
  sequence.sampler.accept(*token, forced ? nullptr : &scratch_);
  sequence.thinking.accept(*token);
  ++sequence.usage.completion_tokens;
  ++counters_.generated_tokens;
  if (*token == guess) {
    ++sequence.usage.accepted_tokens;
    ++counters_.accepted_tokens;
  }
  if (!request.ignore_eos && std::find(request.stop_tokens.begin(), request.stop_tokens.end(),
                                       *token) != request.stop_tokens.end()) {
    finish(sequence, FinishReason::kStop);
    return false;
  }
  GenerationEvent event;
  event.token = *token;
  if (request.logprobs >= 0) {
    Logprobs logprobs = logprobs_of(logits, *token, request.logprobs);
    event.logprob = logprobs.chosen;
    event.alternatives = std::move(logprobs.top);
  }
  sequence.history.push_back(*token);
  sequence.channel->push(std::move(event));
  if (sequence.matcher) {
    if (const Status ok = sequence.matcher->accept(*token); !ok) {
      finish(sequence, FinishReason::kError, ok.error());
      return false;
    }
    // Nothing could follow but the end: no step is spent on it.
    if (sequence.matcher->complete()) {
      finish(sequence, FinishReason::kStop);
      return false;
    }
  }
  if (sequence.usage.completion_tokens == request.max_tokens ||
      sequence.history.size() >= static_cast<size_t>(context_)) {
    finish(sequence, FinishReason::kLength);
    return false;
  }
  return true;
}

void EngineImpl::finish(Sequence& sequence, FinishReason reason, std::optional<Error> error) {
  const SequenceId id = sequence.id;
  if (sequence.table.attached) {
    kv_.publish(sequence.table, sequence.history, sequence.cached, true);
    kv_.release(sequence.table);
  }
  scheduler_.leave(id);
  leave_line(sequence);
  if (reason == FinishReason::kStop || reason == FinishReason::kLength)
    line_.answered(sequence.usage.completion_tokens);
  forget_drafts(id);
  GenerationEvent event;
  event.end = true;
  event.finish = reason;
  event.thinking_end = sequence.thinking.end();
  event.usage = sequence.usage;
  event.error = std::move(error);
  const auto channel = sequence.channel;
  sequences_.erase(id);
  channel->push(std::move(event));
}

void EngineImpl::show_stats() {
  counters_.running = static_cast<int32_t>(scheduler_.running().size());
  counters_.waiting = static_cast<int32_t>(scheduler_.waiting().size());
  counters_.pages_total = kv_.total();
  counters_.pages_free = kv_.available();
  const std::lock_guard lock(stats_mutex_);
  stats_ = counters_;
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::create(Model& model, Backend& backend,
                                               const EngineOptions& options) {
  ASSIGN_OR_RETURN(const KvBudget budget,
                   plan_kv(model.config(), model.kv_spec(), options,
                           std::max<int64_t>(0, available_memory() - backend.memory_to_come())));
  ASSIGN_OR_RETURN(auto cache, backend.make_kv_cache(budget.spec));
  std::unique_ptr<Drafter> drafter;
  if (options.speculation == Speculation::kLookup) drafter = make_lookup_drafter();
  if (options.speculation == Speculation::kModel) {
    CHECK(options.draft != nullptr) << "speculation by a model without one";
    ASSIGN_OR_RETURN(drafter, make_model_drafter(*options.draft, backend, model.config().vocab,
                                                 int64_t{budget.spec.pages} * options.page_tokens,
                                                 options.page_tokens, options.kv_type));
  }
  return std::make_unique<EngineImpl>(model, backend, std::move(cache), budget.context,
                                      std::move(drafter), options);
}

}  // namespace holdfast
