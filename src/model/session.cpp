#include "model/session.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast {

Result<std::unique_ptr<Session>> Session::create(Model& model, Backend& backend,
                                                 const SessionOptions& options) {
  CHECK(options.sequences > 0 && options.context > 0 && options.page_tokens > 0)
      << "session of " << options.sequences << " x " << options.context;
  const int64_t pages_each =
      (int64_t{options.context} + options.page_tokens - 1) / options.page_tokens;
  const int64_t pages = pages_each * options.sequences;
  if (pages > INT32_MAX) {
    return fail(Code::kResourceExhausted, "the sequences' cache has too many pages");
  }
  KvSpec spec = model.kv_spec();
  spec.page_tokens = options.page_tokens;
  spec.pages = static_cast<int32_t>(pages);
  spec.type = options.kv_type;
  ASSIGN_OR_RETURN(std::unique_ptr<KvCache> cache, backend.make_kv_cache(spec));
  return std::unique_ptr<Session>(new Session(model, backend, options, std::move(cache)));
}

Session::Session(Model& model, Backend& backend, const SessionOptions& options,
                 std::unique_ptr<KvCache> cache)
    : model_(model), backend_(backend), options_(options), cache_(std::move(cache)) {
  sequences_.resize(static_cast<std::size_t>(options.sequences));
  for (int32_t page = cache_->spec().pages - 1; page >= 0; --page) free_pages_.push_back(page);
}

void Session::step(std::span<const SessionInput> inputs, const UseLogits& use) {
  std::vector<int32_t> tokens, positions, logit_rows;
  std::vector<SequenceSlice> slices;
  for (const SessionInput& input : inputs) {
    Sequence& sequence = sequences_.at(static_cast<std::size_t>(input.sequence));
    const auto count = static_cast<int32_t>(input.tokens.size());
    CHECK(count > 0 && input.logits <= count && sequence.cached + count <= options_.context)
        << count << " tokens after " << sequence.cached << " in a context of " << options_.context;
    const auto begin = static_cast<int32_t>(tokens.size());
    for (int32_t i = 0; i < count; ++i) {
      tokens.push_back(input.tokens[static_cast<std::size_t>(i)]);
      positions.push_back(sequence.cached + i);
      if (i >= count - input.logits) logit_rows.push_back(begin + i);
    }
    while (std::ssize(sequence.pages) * options_.page_tokens < sequence.cached + count) {
      add_page(sequence);
    }
    slices.push_back({begin, begin + count, sequence.cached, sequence.pages});
    sequence.cached += count;
  }

  backend_.begin_step();
  const Mat logits = model_.forward({.tokens = tokens,
                                     .positions = positions,
                                     .sequences = slices,
                                     .logit_rows = logit_rows,
                                     .hidden = options_.hidden},
                                    *cache_);
  if (logits.rows > 0 && use) use(backend_.read(logits));
  backend_.end_step();
}

std::vector<float> Session::prompt(int32_t sequence, std::span<const int32_t> tokens,
                                   int32_t chunk) {
  std::vector<float> last;
  while (!tokens.empty()) {
    const auto now = std::min(tokens.size(), static_cast<std::size_t>(chunk));
    const bool done = now == tokens.size();
    const SessionInput input[] = {{sequence, tokens.first(now), done ? 1 : 0}};
    step(input, [&](std::span<const float> logits) { last.assign(logits.begin(), logits.end()); });
    tokens = tokens.subspan(now);
  }
  return last;
}

void Session::stretch(int32_t sequence, int32_t tokens) {
  Sequence& s = sequences_.at(static_cast<std::size_t>(sequence));
  const std::size_t given = s.pages.size();
  CHECK(given > 0 && s.cached % options_.page_tokens == 0 && tokens >= s.cached &&
        tokens <= options_.context)
      << s.cached << " tokens to " << tokens << " of " << options_.context;
  while (std::ssize(s.pages) * options_.page_tokens < tokens) {
    add_page(s);
    cache_->copy_page(s.pages[(s.pages.size() - 1) % given], s.pages.back(), options_.page_tokens);
  }
  s.cached = tokens;
}

void Session::add_page(Sequence& sequence) {
  sequence.pages.push_back(free_pages_.back());
  free_pages_.pop_back();
}

int32_t Session::cached(int32_t sequence) const {
  return sequences_.at(static_cast<std::size_t>(sequence)).cached;
}

void Session::reset(int32_t sequence) {
  Sequence& s = sequences_.at(static_cast<std::size_t>(sequence));
  free_pages_.insert(free_pages_.end(), s.pages.rbegin(), s.pages.rend());
  s = {};
}

int32_t argmax(std::span<const float> logits) {
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

}  // namespace holdfast
