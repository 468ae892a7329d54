// Web pages of other origins (WHATWG Fetch, section 3.2): only those whose origin is listed may use
// the server, and only they are told that they may.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/http_message.h"

namespace holdfast {

using Origins = std::span<const std::string>;

// invalid_argument unless it is "https://host" or "http://host", with or without a port, as
// browsers write it: lower case and nothing behind. There is no "*": origins are named one by one.
Status check_origin(const std::string& origin);

bool lists_origin(Origins origins, std::string_view origin);

// What every answer to a page of that origin carries, so that it may be read.
HttpFields cors_fields(std::string_view origin);

// A browser asks before it sends a page's request.
bool is_preflight(const HttpRequest& request);
// The answer, besides cors_fields. Says nothing of routes: the request itself meets the gate.
HttpResponse preflight_response(const HttpRequest& request);

}  // namespace holdfast
