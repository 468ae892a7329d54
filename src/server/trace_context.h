// W3C Trace Context: which of a caller's traces a request belongs to.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

struct TraceContext {
  std::string trace_id;   // 32 hexadecimal digits
  std::string parent_id;  // the caller's span, 16
  std::string span_id;    // ours, 16
  std::string flags;      // 2

  // As a traceparent field with our span for a parent.
  std::string field() const;
};

// Of a traceparent field; nothing when it is none (version 00 and later ones, section 3.2).
std::optional<TraceContext> continue_trace(std::string_view traceparent);

}  // namespace holdfast
