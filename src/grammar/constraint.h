// What a model may say: a compiled grammar over a model's vocabulary, and where one answer stands
// in it.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "grammar/program.h"
#include "grammar/state_table.h"
#include "grammar/token_table.h"

namespace holdfast::grammar {

class Matcher;

// Shared by all answers under the same grammar. Thread-safe; what it learns about the grammar's
// states (their successors and masks) is kept, within bounds, for whoever comes later.
class Constraint {
 public:
  // resource_exhausted when the grammar's first state alone is too much work.
  static Result<std::shared_ptr<Constraint>> create(Program program,
                                                    std::shared_ptr<const TokenTable> tokens);
  Constraint(Program program, std::shared_ptr<const TokenTable> tokens);  // use create()

  const TokenTable& tokens() const { return *tokens_; }
  int64_t memory_bytes() const;

  // For tests and tools: whether a whole text matches, without tokens. resource_exhausted as above.
  Result<bool> matches(std::string_view text);
  // Whether some text that begins so matches.
  Result<bool> may_begin(std::string_view text);

  static constexpr int64_t kMostStateBytes = 16 << 20;
  static constexpr size_t kMostMasks = 256;

 private:
  friend class Matcher;
  using MaskPtr = std::shared_ptr<const TokenMask>;

  // The state after `text`, from the start.
  Result<StateId> after(std::string_view text);

  // With mutex_ held:
  Result<MaskPtr> mask_of(StateId state);
  bool walk(StateId& state, std::string_view bytes);
  void walk_trie(const TokenTrie& trie, StateId from, TokenMask& mask);
  void tidy();
  void forget_masks();

  const Program program_;
  const std::shared_ptr<const TokenTable> tokens_;
  mutable std::mutex mutex_;
  StateTable states_;
  std::vector<Matcher*> matchers_;
  std::list<StateId> recent_;  // whose masks are kept, the latest first
  struct Kept {
    MaskPtr mask;
    std::list<StateId>::iterator at;
  };
  std::unordered_map<StateId, Kept> masks_;
  std::vector<const StateId*> rows_;  // of one walk, by depth
};

// When an answer's text comes under the constraint.
enum class ConstraintStart {
  kNow,
  kMayThink,  // the answer may begin by opening its thinking; then as kThinking
  kThinking,  // after the text that closes the thinking
};

// One answer. Used by one thread at a time; keeps its constraint alive.
class Matcher {
 public:
  Matcher(std::shared_ptr<Constraint> constraint, ConstraintStart start);
  ~Matcher();
  Matcher(const Matcher&) = delete;
  Matcher& operator=(const Matcher&) = delete;

  // The tokens that may come next; those that end the answer exactly when it is whole.
  // resource_exhausted when the grammar is too ambiguous here; internal when the vocabulary has no
  // token for what must follow.
  Result<std::shared_ptr<const TokenMask>> mask();
  // Goes on by a token that the last mask allowed; internal for any other, resource_exhausted as
  // above. Tokens that end the answer are not to be given.
  Status accept(int32_t token);
  const TokenTable& tokens() const { return constraint_->tokens(); }
  // The answer is whole and nothing can follow.
  bool complete() const;
  // The constraint holds now, for the next token.
  bool active() const { return phase_ == Phase::kActive || phase_ == Phase::kLead; }

 private:
  friend class Constraint;
  // kLead: after the thinking, where line breaks may come first.
  enum class Phase { kMayThink, kThinking, kLead, kActive };

  bool closes_well(std::string_view bytes) const;
  size_t close_end(std::string_view bytes) const;

  const std::shared_ptr<Constraint> constraint_;
  Phase phase_;
  StateId state_;
  std::string tail_;  // of the thinking: what may become the closing tag
};

}  // namespace holdfast::grammar
