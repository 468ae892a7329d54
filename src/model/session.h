// Runs a model on sequences of its own, without an engine: what evaluation, benchmarks and tests
// need.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "model/model.h"

namespace holdfast {

struct SessionOptions {
  int32_t sequences = 1;
  int32_t context = 512;  // tokens each sequence may hold
  int32_t page_tokens = 32;
  KvType kv_type = KvType::kQ16;
  bool hidden = false;  // hidden states instead of logits
};

// Tokens to append to one sequence in a step; the last `logits` of them yield logits.
struct SessionInput {
  int32_t sequence = 0;
  std::span<const int32_t> tokens;
  int32_t logits = 1;
};

// Not thread-safe. `model` and `backend` must outlive it; the backend may serve several sessions,
// one step at a time.
class Session {
 public:
  // resource_exhausted when the cache does not fit into memory.
  static Result<std::unique_ptr<Session>> create(Model& model, Backend& backend,
                                                 const SessionOptions& options);

  // Receives [wanted rows, vocab] in the inputs' order; valid during the call only.
  using UseLogits = std::function<void(std::span<const float> logits)>;
  // One forward pass over all inputs together, each a different sequence. CHECKs that they fit.
  void step(std::span<const SessionInput> inputs, const UseLogits& use = {});

  // step() of one sequence in pieces of `chunk` tokens; the logits of the last token.
  std::vector<float> prompt(int32_t sequence, std::span<const int32_t> tokens, int32_t chunk);

  // Makes a sequence that holds whole pages seem `tokens` long by copies of those pages, for timing
  // what follows a long context without computing it.
  void stretch(int32_t sequence, int32_t tokens);

  int32_t cached(int32_t sequence) const;
  void reset(int32_t sequence);  // forgets its tokens

 private:
  struct Sequence {
    int32_t cached = 0;
    std::vector<int32_t> pages;
  };

  Session(Model& model, Backend& backend, const SessionOptions& options,
          std::unique_ptr<KvCache> cache);
  void add_page(Sequence& sequence);

  Model& model_;
  Backend& backend_;
  const SessionOptions options_;
  std::unique_ptr<KvCache> cache_;
  std::vector<Sequence> sequences_;
  std::vector<int32_t> free_pages_;
};

// The index of the largest; the first of equals.
int32_t argmax(std::span<const float> logits);

}  // namespace holdfast
