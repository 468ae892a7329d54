// Where the access policy lies.
#pragma once

#include <string>

namespace holdfast::cli {

// `named` itself; when it is empty $HOLDFAST_HOME/access_control.yaml, or nothing where that does
// not exist.
std::string find_access_file(const std::string& named);

}  // namespace holdfast::cli
