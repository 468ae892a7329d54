// Server-sent events (WHATWG HTML, section 9.2), as OpenAI's API uses them: data lines only.
#pragma once

#include <string>
#include <string_view>

namespace holdfast {

// `json` holds no line break (JSON texts escape theirs).
inline void append_sse(std::string_view json, std::string& out) {
  out += "data: ";
  out += json;
  out += "\n\n";
}

// A comment that clients skip: keeps proxies from closing a quiet stream.
inline constexpr std::string_view kSseKeepAlive = ": keep-alive\n\n";

}  // namespace holdfast
