// Files that hold keys.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace holdfast::audit {

// read_small_file, refused with permission_denied when others than the owner may read it.
Result<std::string> read_secret_file(const std::string& path);

}  // namespace holdfast::audit
