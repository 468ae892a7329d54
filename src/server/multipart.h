// multipart/form-data bodies (RFC 7578): what a form with a file sends.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/api_error.h"

namespace holdfast {

struct FormPart {
  std::string name, filename;  // filename: empty for an ordinary field
  std::string_view data;       // of the body
};

// `content_type`: the field's value, which names the boundary. 400 for what is not well-formed; at
// most 64 parts. `body` must outlive the parts.
ApiResult<std::vector<FormPart>> parse_multipart(std::string_view content_type,
                                                 std::string_view body);

}  // namespace holdfast
