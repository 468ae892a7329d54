// A model that can compute: weights in a backend, and the forward pass of its family.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "backend/backend.h"
#include "base/result.h"
#include "files/model_file.h"

namespace holdfast {

class Model {
 public:
  virtual ~Model() = default;

  virtual const ModelConfig& config() const = 0;
  // Layers and widths of this model's KV cache; the caller sets pages, page_tokens and type.
  virtual KvSpec kv_spec() const = 0;
  // Runs one step: appends all rows to the cache and returns the logits of batch.logit_rows,
  // [logit_rows, vocab] (or hidden states, [logit_rows, hidden]), in the backend's scratch (call
  // between begin_step and end_step).
  virtual Mat forward(const Batch& batch, KvCache& cache) = 0;
};

// Called with the share done, 0 to 1, from the loading thread; may be empty.
using LoadProgress = std::function<void(double)>;

// Checks every tensor's presence, shape and type (one error naming the first wrong one) and
// prepares them all. `file` and `backend` must outlive the model.
Result<std::unique_ptr<Model>> load_model(const ModelFile& file, Backend& backend,
                                          const LoadProgress& progress = {});

}  // namespace holdfast
