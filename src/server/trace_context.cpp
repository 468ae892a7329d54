#include "server/trace_context.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/secret.h"

namespace holdfast {

namespace {

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) { return text.find_first_not_of('0') == text.npos; }

}  // namespace

std::string TraceContext::field() const {
  return fmt::format("00-{}-{}-{}", trace_id, span_id, flags);
}

std::optional<TraceContext> continue_trace(std::string_view traceparent) {
  // "00-" trace id "-" parent id "-" flags; later versions may say more behind.
  constexpr size_t kLength = 55;
  if (traceparent.size() < kLength) return std::nullopt;
  const std::string_view version = traceparent.substr(0, 2), trace = traceparent.substr(3, 32),
                         parent = traceparent.substr(36, 16), flags = traceparent.substr(53, 2);
  const bool dashes = traceparent[2] == '-' && traceparent[35] == '-' && traceparent[52] == '-';
  const bool ends =
      traceparent.size() == kLength || (version != "00" && traceparent[kLength] == '-');
  if (!dashes || !ends || version == "ff" || !is_hex(version) || !is_hex(trace) ||
      !is_hex(parent) || !is_hex(flags) || is_zero(trace) || is_zero(parent)) {
    return std::nullopt;
  }
  unsigned char random[8];
  random_fill(random);
  random[0] |= 1;  // never all zeros
  std::string span;
  for (const unsigned char byte : random) span += fmt::format("{:02x}", byte);
  return TraceContext{std::string(trace), std::string(parent), std::move(span), std::string(flags)};
}

}  // namespace holdfast
