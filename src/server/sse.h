// Server-sent events (WHATWG HTML, section 9.2): data lines, and names where an API has them.
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

inline void append_sse_event(std::string_view name, std::string_view json, std::string& out) {
  out += "event: ";
  out += name;
  out += '\n';
  append_sse(json, out);
}

// A comment that clients skip: keeps proxies from closing a quiet stream.
inline constexpr std::string_view kSseKeepAlive = ": keep-alive\n\n";

}  // namespace holdfast
