// How large the KV cache becomes.
#pragma once

#include <cstdint>

#include "backend/backend.h"
#include "base/result.h"
#include "engine/engine.h"
#include "files/model_config.h"

namespace holdfast {

struct KvBudget {
  KvSpec spec;
  int32_t context = 0;  // longest sequence
};

// `spec`: the model's layers and widths. `available_bytes`: memory this process may still use, for
// the default (a quarter of it, and no more than max_sequences full contexts can fill).
// resource_exhausted when not one sequence of options.context (or of a short conversation, when
// that is 0) fits; invalid_argument for options that make no sense.
Result<KvBudget> plan_kv(const ModelConfig& config, KvSpec spec, const EngineOptions& options,
                         int64_t available_bytes);

}  // namespace holdfast
