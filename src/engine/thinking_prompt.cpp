#include "engine/thinking_prompt.h"

namespace holdfast {

namespace {

// The end of what the template itself wrote, without the white space behind it.
std::string trusted_end(std::span<const TextPart> parts) {
  std::string end;
  for (size_t i = parts.size(); i > 0 && parts[i - 1].trusted && end.size() < 64; --i)
    end.insert(0, parts[i - 1].text);
  end.erase(end.find_last_not_of(" \t\r\n") + 1);
  return end;
}

}  // namespace

bool ends_thinking(std::span<const TextPart> parts) {
  return trusted_end(parts).ends_with("<think>");
}

std::string thinking_variables(const std::string& extra_json, std::string_view template_source,
                               std::optional<bool> enabled) {
  if (!enabled) return extra_json;
  std::string_view name;
  if (template_source.find("enable_thinking") != std::string_view::npos) {
    name = "enable_thinking";
  } else if (template_source.find("thinking is defined") != std::string_view::npos) {
    name = "thinking";
  } else {
    return extra_json;
  }
  const std::string own = "\"" + std::string(name) + "\"";
  if (extra_json.find(own) != std::string::npos) return extra_json;
  const std::string set = own + (*enabled ? ":true" : ":false");
  const size_t brace = extra_json.find('{');
  if (brace == std::string::npos) return "{" + set + "}";
  const size_t next = extra_json.find_first_not_of(" \t\r\n", brace + 1);
  const bool empty = next != std::string::npos && extra_json[next] == '}';
  return "{" + set + (empty ? "" : ",") + extra_json.substr(brace + 1);
}

void shape_thinking(std::vector<TextPart>& parts, bool enabled) {
  const std::string end = trusted_end(parts);
  const bool inside = end.ends_with("<think>"), behind = end.ends_with("</think>");
  std::string more;
  if (enabled && !inside) more = "<think>\n";
  if (!enabled && inside) {
    more = parts.back().text.ends_with('\n') ? kCloseThinking : "\n" + std::string(kCloseThinking);
  } else if (!enabled && !behind) {
    more = "<think>\n" + std::string(kCloseThinking);
  }
  if (!more.empty()) parts.push_back({std::move(more), true});
}

}  // namespace holdfast
