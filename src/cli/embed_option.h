// --pooling mean|cls|last of the commands that make embeddings.
#pragma once

#include <optional>

#include "files/model_config.h"

namespace CLI {
class App;
}

namespace holdfast::cli {

void add_pooling_option(CLI::App& command, std::optional<Pooling>& pooling);

}  // namespace holdfast::cli
