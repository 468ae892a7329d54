// What the families' code needs of a configuration beyond what every reader already checked
// (validate() in files/model_config.h).
#pragma once

#include <string>

#include "base/result.h"
#include "files/model_config.h"

namespace holdfast {

// corrupt where numbers contradict each other, unimplemented for what the family's code does not
// do. `path` is for the message.
Status check_config(const ModelConfig& config, const std::string& path);

}  // namespace holdfast
