// A small model that guesses for a large one of the same vocabulary.
#pragma once

#include <memory>
#include <string>

#include "backend/backend.h"
#include "base/result.h"
#include "engine/speculation.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace holdfast {

struct DraftModel {
  std::shared_ptr<const ModelFile> file;
  std::unique_ptr<Model> model;
};

// invalid_argument when its tokens are not the target's: names the first that differs.
Result<DraftModel> load_draft_model(const std::string& path, const Tokenizer& target,
                                    Backend& backend, const LoadProgress& progress = {});

// `vocab`: of the target; padding may make the models' own differ. `tokens`: of all sequences
// together, for which there is room in its KV cache; a sequence that finds none gets no guesses.
// Draws with each sequence's own sampler and random numbers, so that a model that is often right
// alone is often right here, at any temperature. `model` and `backend` must outlive it.
// resource_exhausted when the cache does not fit.
Result<std::unique_ptr<Drafter>> make_model_drafter(Model& model, Backend& backend, int32_t vocab,
                                                    int64_t tokens, int32_t page_tokens,
                                                    KvType kv_type);

}  // namespace holdfast
