// Qwen2, Qwen2.5 (and the R1 distills of them) and Qwen3, dense.
#pragma once

#include <memory>

#include "model/model.h"

namespace holdfast {

Result<std::unique_ptr<Model>> load_qwen2(const ModelFile& file, Backend& backend,
                                          const LoadProgress& progress);
Result<std::unique_ptr<Model>> load_qwen3(const ModelFile& file, Backend& backend,
                                          const LoadProgress& progress);

}  // namespace holdfast
