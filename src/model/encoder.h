// An encoder that can compute: weights in a backend, and the forward pass of BERT.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "backend/backend.h"
#include "base/result.h"
#include "files/model_file.h"
#include "model/model.h"

namespace holdfast {

// Whole texts, one after the other; nothing is kept from one batch to the next.
struct EncoderBatch {
  std::span<const int32_t> tokens;    // [rows]
  std::span<const int32_t> segments;  // [rows] which of a pair's texts: 0 or 1
  std::span<const RowRange> texts;    // all rows, in order
};

class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual const ModelConfig& config() const = 0;
  // Both in the backend's scratch (call between begin_step and end_step). A text's rows depend on
  // that text alone.
  // The final hidden states, [rows, hidden].
  virtual Mat hidden(const EncoderBatch& batch) = 0;
  // The labels' logits of each text, [texts, config().encoder.labels]; only where there are labels.
  virtual Mat labels(const EncoderBatch& batch) = 0;
};

// As load_model. `file` and `backend` must outlive the encoder.
Result<std::unique_ptr<Encoder>> load_encoder(const ModelFile& file, Backend& backend,
                                              const LoadProgress& progress = {});

}  // namespace holdfast
