// The numbers of a configuration, before anything is computed from them.
#pragma once

#include <string>

#include "base/result.h"
#include "files/model_config.h"

namespace holdfast {

// corrupt, naming the first number that is out of range or contradicts another; so that products of
// widths cannot overflow and the kernels' assumptions hold. unimplemented for what the family's
// code does not do. `path` is for the message.
Status check_config(const ModelConfig& config, const std::string& path);

}  // namespace holdfast
