// holdfast.yaml: everything `holdfast serve` can be told on its command line. One meaning, one
// check: a setting is the text that the option of the same meaning would get.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast {

struct Setting {
  std::string option;               // "--port", or "MODEL"
  std::vector<std::string> values;  // as on the command line
  std::string where;                // "holdfast.yaml, line 3, column 9"
};

// In the order of the file. invalid_argument names line and column: for what is no YAML, for keys
// that do not exist, and for values of another kind. The values themselves are for the options.
Result<std::vector<Setting>> parse_config(std::string_view text, const std::string& file);

}  // namespace holdfast
