// How well a model predicts a text.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "model/session.h"

namespace holdfast {

struct EvaluationOptions {
  int32_t context = 512;
  KvType kv_type = KvType::kQ16, reference_kv_type = KvType::kQ16;
  int64_t chunks = 0;          // at most so many; 0: all
  std::optional<int32_t> bos;  // stands in for the first token of each chunk
  // Called with the share done and the figure so far, after each chunk; may be empty.
  std::function<void(double share, double figure)> progress;
};

struct Perplexity {
  double perplexity = 0.0;
  double standard_error = 0.0;
  int64_t tokens = 0;  // scored
};

// As llama-perplexity defines it: the text's tokens in chunks of `context`, each on its own, a
// remainder dropped; in each the tokens after position context / 2 are scored, given all before
// them. invalid_argument for a text of fewer than two chunks.
Result<Perplexity> measure_perplexity(Model& model, Backend& backend,
                                      std::span<const int32_t> tokens,
                                      const EvaluationOptions& options);

struct Divergence {
  double mean_kl = 0.0;         // KL(reference || model), nats
  double p99_kl = 0.0;          // the 99th percentile over positions
  double top1_agreement = 0.0;  // share of positions where both favour the same token
  int64_t tokens = 0;
};

// Over the same positions as measure_perplexity. The models must share a vocabulary. The backends
// may be one.
Result<Divergence> measure_divergence(Model& model, Backend& backend, Model& reference,
                                      Backend& reference_backend, std::span<const int32_t> tokens,
                                      const EvaluationOptions& options);

}  // namespace holdfast
