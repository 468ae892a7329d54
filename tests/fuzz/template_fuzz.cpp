// Chat templates: parsing any source, and rendering it over any JSON, ends without a crash, a leak
// or more than the budget allows; what comes out is UTF-8, and no text of the input is trusted.
// Input: the template, a zero byte, messages, a zero byte, extra variables.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "text/chat_template.h"
#include "text/jinja/unicode.h"

namespace {

std::string_view take(std::string_view& rest) {
  const size_t end = rest.find('\0');
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return part;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto chat_template = holdfast::ChatTemplate::parse(take(rest));
  if (!chat_template.has_value()) return 0;
  holdfast::TemplateInput input;
  input.messages_json = take(rest);
  input.extra_json = take(rest);
  if (input.messages_json.empty()) input.messages_json = "[]";
  input.bos_token = "<s>";
  const auto parts = (*chat_template)->render(input);
  if (!parts.has_value()) return 0;
  for (size_t i = 0; i < parts->size(); ++i) {
    const holdfast::TextPart& part = (*parts)[i];
    if (part.text.empty()) std::abort();
    if (i > 0 && (*parts)[i - 1].trusted == part.trusted) std::abort();
    if (!holdfast::jinja::is_valid_utf8(part.text)) std::abort();
  }
  return 0;
}
