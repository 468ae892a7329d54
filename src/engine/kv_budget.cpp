#include "engine/kv_budget.h"

#include <algorithm>
#include <limits>
#include <string>

#include <fmt/format.h>

namespace holdfast {

namespace {

constexpr int32_t kUnknownContext = 4096;  // of a model that does not say
constexpr int32_t kShortContext = 512;     // less is no conversation

}  // namespace

Result<KvBudget> plan_kv(const ModelConfig& config, KvSpec spec, const EngineOptions& options,
                         int64_t available_bytes) {
  if (options.page_tokens <= 0 || options.max_sequences <= 0 || options.step_tokens <= 0 ||
      options.context < 0 || options.kv_bytes < 0) {
    return fail(Code::kInvalidArgument, "the engine's limits must be positive");
  }
  const int64_t model_context = config.context > 0 ? config.context : kUnknownContext;
  if (options.context > model_context) {
    return fail(Code::kInvalidArgument,
                fmt::format("a context of {} tokens is longer than the model's {}", options.context,
                            model_context),
                "context", "leave it out to use the model's own");
  }
  spec.page_tokens = options.page_tokens;
  spec.type = options.kv_type;
  const int64_t wanted = options.context > 0 ? options.context : model_context;
  const int64_t page_bytes = std::max<int64_t>(1, spec.bytes_per_token() * spec.page_tokens);
  const auto pages_for = [&](int64_t tokens) {
    return (tokens + spec.page_tokens - 1) / spec.page_tokens;
  };

  const int64_t most = pages_for(wanted) * options.max_sequences;
  int64_t pages =
      std::min(most, (options.kv_bytes > 0 ? options.kv_bytes : available_bytes / 4) / page_bytes);
  pages = std::min<int64_t>(pages, std::numeric_limits<int32_t>::max() / spec.page_tokens);
  const int64_t least =
      pages_for(options.context > 0 ? options.context : std::min<int64_t>(wanted, kShortContext));
  if (pages < least) {
    return fail(Code::kResourceExhausted,
                fmt::format("the KV cache needs {} MiB for one sequence of {} tokens; there are {} "
                            "MiB for it",
                            (least * page_bytes + (1 << 20) - 1) >> 20, least * spec.page_tokens,
                            (pages * page_bytes) >> 20),
                "", "give it more memory, a shorter context, or an 8-bit cache");
  }
  spec.pages = static_cast<int32_t>(pages);
  const auto context = static_cast<int32_t>(std::min<int64_t>(wanted, pages * spec.page_tokens));
  return KvBudget{spec, context};
}

}  // namespace holdfast
