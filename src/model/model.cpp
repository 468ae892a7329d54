#include "model/model.h"

#include <string>

#include "model/config_check.h"
#include "model/deepseek.h"
#include "model/llama.h"
#include "model/qwen.h"

namespace holdfast {

Result<std::unique_ptr<Model>> load_model(const ModelFile& file, Backend& backend,
                                          const LoadProgress& progress) {
  struct Family {
    std::string_view architecture;
    Result<std::unique_ptr<Model>> (*load)(const ModelFile&, Backend&, const LoadProgress&);
  };
  static constexpr Family kFamilies[] = {
      {"llama", load_llama},
      {"qwen2", load_qwen2},
      {"qwen3", load_qwen3},
      {"deepseek2", load_deepseek},
  };
  const ModelConfig& config = file.config();
  if (config.is_encoder()) {
    return fail(Code::kInvalidArgument,
                "the model is an encoder ('" + config.architecture + "') and generates no text",
                file.path(), "it gives embeddings: holdfast embed, or /v1/embeddings of a server");
  }
  std::string known;
  for (const Family& family : kFamilies) {
    if (family.architecture == config.architecture) {
      RETURN_IF_ERROR(check_config(config, file.path()));
      return family.load(file, backend, progress);
    }
    known += (known.empty() ? "" : ", ") + std::string(family.architecture);
  }
  return fail(Code::kUnimplemented,
              "the model's architecture is '" + config.architecture + "', which is not supported",
              file.path(), "supported are: " + known);
}

}  // namespace holdfast
