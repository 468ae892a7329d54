// Speculative decoding with unchanged output (arXiv 2211.17192, 2302.01318). Somebody guesses the
// next few tokens of a sequence; one step computes the logits behind all of them at once, which on
// hardware limited by memory costs little more than one token; and what the sampler draws decides:
// as long as it draws what was guessed, the next logits are there already.
//
// Nothing is accepted or rejected by chance: a sample depends on the logits, the seed and the
// token's index alone, and logits on the tokens before alone, so every token, at any temperature,
// is the one that plain decoding draws.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/sampler.h"
#include "engine/scheduler.h"

namespace holdfast {

// One sequence that could use guesses.
struct DraftRequest {
  SequenceId id = 0;
  std::span<const int32_t> history;  // prompt and answer so far
  int32_t wanted = 0;                // at most so many, >= 1
  const Sampler* sampler = nullptr;  // how the next tokens will be drawn
  std::vector<int32_t> tokens;       // out: what follows the history, perhaps
};

// Guesses. Not thread-safe: the engine thread owns it.
class Drafter {
 public:
  virtual ~Drafter() = default;
  virtual void draft(std::span<DraftRequest> requests) = 0;
  // A sequence that is not coming back (or only later).
  virtual void forget(SequenceId id) = 0;
};

// Prompt look-up: what followed the last time that the sequence's latest tokens stood in it. Costs
// nothing; right where answers repeat what was given: quotes, code, forms, JSON.
std::unique_ptr<Drafter> make_lookup_drafter();

// How many guesses a sequence gets: more while they come true, fewer and then a pause while not.
class DraftPace {
 public:
  explicit DraftPace(int32_t most) : most_(most), length_(std::min(most, 4)) {}
  // Guesses for the next step; 0 in a pause, which each call shortens.
  int32_t next();
  void learn(int32_t drafted, int32_t accepted);

 private:
  int32_t most_, length_;
  int32_t misses_ = 0;  // in a row
  int32_t pause_ = 0;   // steps without guesses from here
};

}  // namespace holdfast
