// ToolCallParser: any cut of any text gives what the whole gives, each call's name comes once and
// first, and no call ends before it begins. Input: a byte for the format and the cut, then the
// text.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/tool_calls.h"

namespace {

struct Result {
  std::string content;
  std::vector<std::pair<std::string, std::string>> calls;
  bool operator==(const Result&) const = default;
};

Result parse(holdfast::ToolFormat format, std::string_view text, size_t step) {
  holdfast::ToolCallParser parser(format, {"f", "get_weather"});
  Result all;
  const auto add = [&](const holdfast::ToolText& some) {
    all.content += some.content;
    for (const auto& delta : some.calls) {
      if (!delta.name.empty()) all.calls.emplace_back(delta.name, "");
      if (delta.index + 1 != std::ssize(all.calls)) std::abort();
      all.calls.back().second += delta.arguments;
    }
    if (parser.complete() > parser.begun() || parser.begun() != std::ssize(all.calls)) std::abort();
  };
  for (size_t i = 0; i < text.size(); i += step) add(parser.push(text.substr(i, step)));
  add(parser.finish());
  if (parser.complete() != parser.begun()) std::abort();
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  constexpr holdfast::ToolFormat kFormats[] = {
      holdfast::ToolFormat::kNone, holdfast::ToolFormat::kHermes, holdfast::ToolFormat::kDeepSeek,
      holdfast::ToolFormat::kLlama};
  const holdfast::ToolFormat format = kFormats[data[0] & 3];
  const size_t step = 1 + (data[0] >> 2) % 16;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (!(parse(format, text, size) == parse(format, text, step))) std::abort();
  return 0;
}
