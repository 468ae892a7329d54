// Llama 3.x, and everything GGUF calls "llama" (Llama 2, Mistral, the R1 distill of Llama 8B).
#pragma once

#include <memory>

#include "model/model.h"

namespace holdfast {

Result<std::unique_ptr<Model>> load_llama(const ModelFile& file, Backend& backend,
                                          const LoadProgress& progress);

}  // namespace holdfast
