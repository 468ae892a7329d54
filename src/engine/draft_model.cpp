#include "engine/draft_model.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "engine/batch_builder.h"
#include "engine/page_pool.h"

namespace holdfast {

namespace {

constexpr int32_t kStepRows = 512;  // of one forward pass

Status check_vocabulary(const Tokenizer& target, const Tokenizer& draft, const std::string& path) {
  const auto differs = [&](const std::string& what) {
    return fail(Code::kInvalidArgument,
                "the draft model's vocabulary is not the model's own: " + what, path,
                "take a smaller model of the same family, or --speculate lookup");
  };
  if (target.vocab_size() != draft.vocab_size()) {
    return differs(fmt::format("{} tokens instead of {}", draft.vocab_size(), target.vocab_size()));
  }
  for (int32_t token = 0; token < target.vocab_size(); ++token) {
    if (target.piece(token, Special::kParse) != draft.piece(token, Special::kParse))
      return differs(fmt::format("token {} differs", token));
  }
  return {};
}

class ModelDrafter final : public Drafter {
 public:
  ModelDrafter(Model& model, Backend& backend, int32_t vocab, std::unique_ptr<KvCache> cache)
      : model_(model),
        backend_(backend),
        target_vocab_(static_cast<size_t>(vocab)),
        cache_(std::move(cache)),
        pool_(cache_->spec().pages) {}

  void draft(std::span<DraftRequest> requests) override {
    std::vector<Guess> active;
    for (DraftRequest& request : requests) {
      State& state = states_[request.id];
      // What it saw and what became of it: guesses that did not come true are written over.
      const auto [end, unused] = std::mismatch(state.seen.begin(), state.seen.end(),
                                               request.history.begin(), request.history.end());
      const auto common = std::min<int64_t>(end - state.seen.begin(), ssize(request.history) - 1);
      state.seen.resize(static_cast<size_t>(common));
      const auto rest = request.history.subspan(static_cast<size_t>(common));
      const int32_t vocab = model_.config().vocab;
      if (std::ranges::any_of(rest, [&](int32_t token) { return token >= vocab; })) continue;
      active.push_back({&request, &state, {rest.begin(), rest.end()}});
    }
    while (!active.empty()) step(active);
  }

  void forget(SequenceId id) override {
    const auto found = states_.find(id);
    if (found == states_.end()) return;
    for (const int32_t page : found->second.pages) pool_.release(page);
    states_.erase(found);
  }

 private:
  struct State {
    std::vector<int32_t> seen;  // tokens in the cache
    std::vector<int32_t> pages;
  };
  struct Guess {
    DraftRequest* request;
    State* state;
    std::vector<int32_t> feed;  // tokens to compute before the next guess
    int32_t rows = 0;           // of them, in this step
  };

  // The context ends, or memory does.
  bool make_room(State& state, int64_t tokens) {
    const int64_t context = model_.config().context;
    if (context > 0 && tokens > context) return false;
    while (std::ssize(state.pages) * cache_->spec().page_tokens < tokens) {
      const auto page = pool_.allocate();
      if (!page) return false;
      state.pages.push_back(*page);
    }
    return true;
  }

  // Logits of as many tokens as the target has.
  std::span<const float> of_target(std::span<const float> logits) {
    if (logits.size() >= target_vocab_) return logits.first(target_vocab_);
    padded_.assign(target_vocab_, -std::numeric_limits<float>::infinity());
    std::copy(logits.begin(), logits.end(), padded_.begin());
    return padded_;
  }

  void step(std::vector<Guess>& active) {
    std::erase_if(active, [&](const Guess& g) {
      return !make_room(*g.state, std::ssize(g.state->seen) + std::ssize(g.feed));
    });
    if (active.empty()) return;
    const auto each = std::max<int64_t>(1, kStepRows / std::ssize(active));
    builder_.clear();
    for (Guess& g : active) {
      g.rows = static_cast<int32_t>(std::min(each, std::ssize(g.feed)));
      const bool whole = g.rows == std::ssize(g.feed);
      builder_.add(std::span(g.feed).first(static_cast<size_t>(g.rows)),
                   static_cast<int32_t>(g.state->seen.size()), g.state->pages, whole ? 1 : 0);
    }
    backend_.begin_step();
    const std::span<const float> logits = backend_.read(model_.forward(builder_.batch(), *cache_));
    const auto vocab = static_cast<size_t>(model_.config().vocab);
    size_t row = 0;
    for (Guess& g : active) {
      g.state->seen.insert(g.state->seen.end(), g.feed.begin(), g.feed.begin() + g.rows);
      g.feed.erase(g.feed.begin(), g.feed.begin() + g.rows);
      if (!g.feed.empty()) continue;
      std::vector<int32_t>& tokens = g.request->tokens;
      const auto next = g.request->sampler->sample(of_target(logits.subspan(row++ * vocab, vocab)),
                                                   scratch_, tokens.size());
      if (!next) continue;  // no number: nothing more to feed
      tokens.push_back(*next);
      if (*next >= model_.config().vocab) continue;
      if (std::ssize(tokens) < g.request->wanted) g.feed.push_back(*next);
    }
    backend_.end_step();
    std::erase_if(active, [](const Guess& g) { return g.feed.empty(); });
  }

  Model& model_;
  Backend& backend_;
  const size_t target_vocab_;
  std::unique_ptr<KvCache> cache_;
  PagePool pool_;
  BatchBuilder builder_;
  SamplerScratch scratch_;
  std::vector<float> padded_;
  std::map<SequenceId, State> states_;
};

}  // namespace

Result<DraftModel> load_draft_model(const std::string& path, const Tokenizer& target,
                                    Backend& backend, const LoadProgress& progress) {
  DraftModel draft;
  ASSIGN_OR_RETURN(draft.file, ModelFile::open(path));
  ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::create(draft.file->tokenizer()));
  RETURN_IF_ERROR(check_vocabulary(target, *tokenizer, path));
  ASSIGN_OR_RETURN(draft.model, load_model(*draft.file, backend, progress));
  return draft;
}

Result<std::unique_ptr<Drafter>> make_model_drafter(Model& model, Backend& backend, int32_t vocab,
                                                    int64_t tokens, int32_t page_tokens,
                                                    KvType kv_type) {
  CHECK(tokens > 0 && page_tokens > 0) << tokens << " tokens in pages of " << page_tokens;
  KvSpec spec = model.kv_spec();
  spec.page_tokens = page_tokens;
  spec.pages = static_cast<int32_t>(std::min<int64_t>(
      (tokens + page_tokens - 1) / page_tokens, std::numeric_limits<int32_t>::max() / page_tokens));
  spec.type = kv_type;
  ASSIGN_OR_RETURN(auto cache, backend.make_kv_cache(spec));
  return std::make_unique<ModelDrafter>(model, backend, vocab, std::move(cache));
}

}  // namespace holdfast
