// Strings that never appear in what a model says, wherever the borders of its tokens fall.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "text/byte_automaton.h"
#include "text/token_bytes.h"

namespace holdfast {

// An automaton follows the bytes of the answer. In each of its states those tokens are out whose
// bytes would complete one of the strings: no others, and no sequence of the tokens left spells
// one. Nothing that was said is taken back, so streams need not wait. (A model that was about to
// say the string goes on with something else in the middle of it: "Lond" may become "Londre".)
//
// The list of tokens that complete a string by themselves is found once; a further one for each
// state that the answer meets, from those tokens alone whose first byte leads on from there.
class BannedStrings {
 public:
  BannedStrings(std::span<const std::string> strings, std::shared_ptr<const TokenBytes> tokens);

  // -inf for the tokens that are out.
  void mask(std::span<float> logits) const;
  void accept(int32_t token);

 private:
  using State = ByteAutomaton::State;
  const std::vector<int32_t>& out_in(State state) const;

  std::shared_ptr<const TokenBytes> tokens_;
  ByteAutomaton automaton_;
  State state_ = ByteAutomaton::kStart;
  // Besides those of the start.
  mutable std::unordered_map<State, std::vector<int32_t>> out_;
};

}  // namespace holdfast
