#include "grammar/constraint.h"

#include <algorithm>
#include <utility>

namespace holdfast::grammar {

namespace {

Error too_ambiguous() {
  return {Code::kResourceExhausted,
          "the grammar is too ambiguous: following it takes too much work", "",
          "give each alternative a beginning of its own"};
}

// Work that each token of an answer pays for; states that are known cost nothing.
constexpr int64_t kCreditPerToken = 200'000;

}  // namespace

Result<std::shared_ptr<Constraint>> Constraint::create(Program program,
                                                       std::shared_ptr<const TokenTable> tokens) {
  auto constraint = std::make_shared<Constraint>(std::move(program), std::move(tokens));
  if (constraint->states_.exhausted()) return fail(too_ambiguous());
  // The first mask is made here, not where everybody waits for it.
  RETURN_IF_ERROR(Matcher(constraint, ConstraintStart::kNow).mask());
  return constraint;
}

Constraint::Constraint(Program program, std::shared_ptr<const TokenTable> tokens)
    : program_(std::move(program)), tokens_(std::move(tokens)), states_(program_), rows_(257) {}

int64_t Constraint::memory_bytes() const {
  const std::lock_guard lock(mutex_);
  return program_.memory_bytes() + states_.memory_bytes() +
         static_cast<int64_t>(masks_.size() * (tokens_->words() * 8 + 100));
}

Result<StateId> Constraint::after(std::string_view text) {
  tidy();
  StateId state = states_.start();
  states_.grant(StateTable::kMostCredit);
  if (!walk(state, text) && states_.exhausted()) return fail(too_ambiguous());
  return state;
}

Result<bool> Constraint::matches(std::string_view text) {
  const std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(const StateId state, after(text));
  return states_.accepts(state);
}

Result<bool> Constraint::may_begin(std::string_view text) {
  const std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(const StateId state, after(text));
  return state != StateTable::kDead;
}

bool Constraint::walk(StateId& state, std::string_view bytes) {
  for (const char c : bytes) {
    state = states_.next(state, static_cast<uint8_t>(c));
    if (state == StateTable::kDead) return false;
  }
  return true;
}

void Constraint::walk_trie(const TokenTrie& trie, StateId from, TokenMask& mask) {
  // The state before each byte of the path from the root.
  StateId path[257];
  path[0] = from;
  rows_[0] = states_.row(from);
  const size_t size = trie.size();
  for (size_t i = 0; i < size;) {
    const TokenTrie::Node& node = trie.node(i);
    StateId next = rows_[node.depth][node.byte];
    if (next < 0) {
      next = states_.next(path[node.depth], node.byte);
      if (states_.exhausted()) return;
    }
    if (next == StateTable::kDead) {
      i = node.after;
      continue;
    }
    const uint32_t end = trie.node(i + 1).tokens;
    for (uint32_t t = node.tokens; t < end; ++t) allow(mask, trie.tokens()[t]);
    if (node.after > i + 1) {
      path[node.depth + 1] = next;
      rows_[node.depth + 1u] = states_.row(next);
    }
    ++i;
  }
}

Result<Constraint::MaskPtr> Constraint::mask_of(StateId state) {
  if (const auto found = masks_.find(state); found != masks_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second.at);
    return found->second.mask;
  }
  auto mask = std::make_shared<TokenMask>(tokens_->words());
  // Inside a string nearly all tokens are fine, whatever comes after it.
  const TokenTable::Plain* plain = tokens_->plain(states_.plain_run(state));
  if (plain) *mask = plain->tokens;
  walk_trie(plain ? *plain->others : tokens_->all(), state, *mask);
  if (states_.exhausted()) return fail(too_ambiguous());
  if (states_.accepts(state)) {
    for (const int32_t end : tokens_->ends()) allow(*mask, end);
  }
  if (masks_.size() >= kMostMasks) {
    masks_.erase(recent_.back());
    recent_.pop_back();
  }
  recent_.push_front(state);
  masks_[state] = {mask, recent_.begin()};
  return mask;
}

void Constraint::forget_masks() {
  masks_.clear();
  recent_.clear();
}

void Constraint::tidy() {
  if (states_.memory_bytes() < kMostStateBytes) return;
  std::vector<StateId*> roots;
  for (Matcher* matcher : matchers_) roots.push_back(&matcher->state_);
  states_.collect(roots);
  forget_masks();
}

Matcher::Matcher(std::shared_ptr<Constraint> constraint, ConstraintStart start)
    : constraint_(std::move(constraint)) {
  const TokenTable& tokens = constraint_->tokens();
  phase_ = Phase::kActive;
  if (start == ConstraintStart::kMayThink && tokens.think_token()) phase_ = Phase::kMayThink;
  if (start == ConstraintStart::kThinking && !tokens.think_close().empty())
    phase_ = Phase::kThinking;
  const std::lock_guard lock(constraint_->mutex_);
  state_ = constraint_->states_.start();
  constraint_->matchers_.push_back(this);
}

Matcher::~Matcher() {
  const std::lock_guard lock(constraint_->mutex_);
  std::erase(constraint_->matchers_, this);
}

// Where the closing tag ends in `bytes`, given the thinking's tail; 0: nowhere.
size_t Matcher::close_end(std::string_view bytes) const {
  const std::string& tag = constraint_->tokens().think_close();
  const std::string text = tail_ + std::string(bytes);
  const size_t at = text.find(tag);
  return at == std::string::npos ? 0 : at + tag.size() - tail_.size();
}

// What follows the closing tag within the same token fits the grammar.
bool Matcher::closes_well(std::string_view bytes) const {
  const size_t end = close_end(bytes);
  if (end == 0) return true;
  bytes.remove_prefix(end);
  bytes.remove_prefix(std::min(bytes.find_first_not_of(" \t\r\n"), bytes.size()));
  StateId state = constraint_->states_.start();
  return constraint_->walk(state, bytes);
}

Result<std::shared_ptr<const TokenMask>> Matcher::mask() {
  Constraint& c = *constraint_;
  const TokenTable& tokens = c.tokens();
  const std::lock_guard lock(c.mutex_);
  c.states_.grant(kCreditPerToken);
  c.tidy();
  if (phase_ == Phase::kThinking) {
    auto mask = std::make_shared<TokenMask>(tokens.thinking());
    for (const int32_t token : tokens.closers()) {
      if (!closes_well(tokens.bytes(token)))
        (*mask)[static_cast<size_t>(token) / 64] &= ~(uint64_t{1} << (token % 64));
    }
    return mask;
  }
  ASSIGN_OR_RETURN(auto mask, c.mask_of(state_));
  if (phase_ != Phase::kActive) {
    auto more = std::make_shared<TokenMask>(*mask);
    if (phase_ == Phase::kMayThink) allow(*more, *tokens.think_token());
    if (phase_ == Phase::kLead) {
      for (const int32_t token : tokens.line_breaks()) allow(*more, token);
    }
    mask = std::move(more);
  }
  if (std::ranges::all_of(*mask, [](uint64_t word) { return word == 0; }))
    return fail(Code::kInternal, "the model's vocabulary cannot spell what the grammar asks for");
  return mask;
}

Status Matcher::accept(int32_t token) {
  Constraint& c = *constraint_;
  const TokenTable& tokens = c.tokens();
  const std::string_view bytes = tokens.bytes(token);
  const std::lock_guard lock(c.mutex_);
  c.states_.grant(kCreditPerToken);
  if (phase_ == Phase::kMayThink && token == tokens.think_token()) {
    phase_ = Phase::kThinking;
    return {};
  }
  if (phase_ == Phase::kThinking) {
    size_t end = close_end(bytes);
    if (end == 0) {
      tail_ += bytes;
      const size_t keep = std::min(tail_.size(), tokens.think_close().size() - 1);
      tail_.erase(0, tail_.size() - keep);
      return {};
    }
    end = std::min(bytes.find_first_not_of(" \t\r\n", end), bytes.size());
    phase_ = end == bytes.size() ? Phase::kLead : Phase::kActive;
    if (!c.walk(state_, bytes.substr(end)))
      return fail(c.states_.exhausted() ? too_ambiguous()
                                        : Error{Code::kInternal, "a token broke the constraint"});
    return {};
  }
  if (phase_ == Phase::kLead) {
    phase_ = Phase::kActive;
    const auto& breaks = tokens.line_breaks();
    if (std::find(breaks.begin(), breaks.end(), token) != breaks.end()) return {};
  }
  phase_ = Phase::kActive;
  if (!tokens.usable(token) || !c.walk(state_, bytes))
    return fail(c.states_.exhausted() ? too_ambiguous()
                                      : Error{Code::kInternal, "a token broke the constraint"});
  return {};
}

bool Matcher::complete() const {
  const std::lock_guard lock(constraint_->mutex_);
  return phase_ == Phase::kActive && constraint_->states_.accepts(state_) &&
         !constraint_->states_.continues(state_);
}

}  // namespace holdfast::grammar
