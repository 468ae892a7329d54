// Without TLS and keys, what keeps strangers out is that only this machine can connect. A web page
// in a local browser could still reach us, by a cross-site request or by a host name that resolves
// to 127.0.0.1 ("DNS rebinding"): such requests name a foreign Host or Origin and are refused.
#pragma once

#include <optional>
#include <string_view>

#include "server/api_error.h"
#include "server/cors.h"
#include "server/http_message.h"

namespace holdfast {

// "localhost", "x.localhost", 127.0.0.0/8 and [::1], each with or without a port.
bool is_loopback_authority(std::string_view host);

// 403, or nothing. Pages of `listed` origins are let through, by a Host of this machine.
std::optional<ApiError> check_loopback_origin(const HttpRequest& request, Origins listed = {});

// Over TLS, pages that this server itself sent and those of `listed` origins may use it, and no
// others: a browser would add a client certificate to anybody's request.
std::optional<ApiError> check_same_origin(const HttpRequest& request, Origins listed = {});

}  // namespace holdfast
