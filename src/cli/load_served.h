// A model ready to answer, for the commands that talk to one.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "cli/model_opener.h"
#include "engine/served_model.h"

namespace holdfast::cli {

// resolve_model, make_backend, ServedModel::load, with progress on a terminal.
Result<std::unique_ptr<ServedModel>> load_served_model(const std::string& model,
                                                       const OpenOptions& open, int threads,
                                                       ServedModelOptions options);

}  // namespace holdfast::cli
