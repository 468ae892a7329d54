// --config holdfast.yaml for a command whose options it may set.
#pragma once

#include <string>

#include "base/result.h"

namespace CLI {
class App;
}

namespace holdfast::cli {

// Sets every option of `command` that the command line left alone and the file names; each value
// goes through the option's own checks, and what they refuse is told with its line. An empty
// `file` sets nothing.
Status apply_config(CLI::App& command, const std::string& file);

}  // namespace holdfast::cli
