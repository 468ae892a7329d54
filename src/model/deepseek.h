// DeepSeek-V2, V3 and R1.
#pragma once

#include <memory>

#include "model/model.h"

namespace holdfast {

Result<std::unique_ptr<Model>> load_deepseek(const ModelFile& file, Backend& backend,
                                             const LoadProgress& progress);

}  // namespace holdfast
