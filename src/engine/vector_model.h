// Texts in, one vector each out: pooled hidden states of an encoder or a decoder, or a classifier's
// labels.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "base/result.h"
#include "files/model_config.h"
#include "model/encoder.h"
#include "model/model.h"

namespace holdfast {

// One text as the model reads it, special tokens and all.
struct TokenizedText {
  std::vector<int32_t> tokens;    // at least one
  std::vector<int32_t> segments;  // encoders: as many
};

struct VectorOptions {
  Pooling pooling = Pooling::kMean;
  bool normalize = false;   // to length 1
  int32_t most_tokens = 0;  // of one text; 0: the model's own
};

// Used by one thread. A text's vector depends on that text alone, not on those it is run with.
class VectorModel {
 public:
  virtual ~VectorModel() = default;
  virtual int32_t size() const = 0;         // of a vector
  virtual int32_t most_tokens() const = 0;  // of one text
  virtual std::vector<std::vector<float>> run(std::span<const TokenizedText* const> texts) = 0;
};

// `backend` and the models must outlive what is made. An encoder with labels gives those.
std::unique_ptr<VectorModel> make_vector_model(Encoder& encoder, Backend& backend,
                                               const VectorOptions& options);
// resource_exhausted when the cache for one text does not fit into memory.
Result<std::unique_ptr<VectorModel>> make_vector_model(Model& model, Backend& backend,
                                                       const VectorOptions& options);

}  // namespace holdfast
