// Small files that hold keys, whole.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::audit {

// not_found, permission_denied, or resource_exhausted beyond `most` bytes.
Result<std::string> read_small_file(const std::string& path, size_t most);
// The same, refused with permission_denied when others than the owner may read it.
Result<std::string> read_secret_file(const std::string& path, size_t most);
// Appears whole or not at all; invalid_argument when it exists. On the disk when this returns.
Status write_new_file(const std::string& path, std::string_view bytes, unsigned mode);

}  // namespace holdfast::audit
