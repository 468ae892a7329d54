#include "server/multipart.h"

#include <algorithm>
#include <cctype>
#include <optional>

namespace holdfast {

namespace {

constexpr size_t kMaxParts = 64, kMaxHead = 8u << 10;

tl::unexpected<ApiError> malformed(std::string why) {
  return api_fail(400, "The form is not well-formed: " + std::move(why), "invalid_form");
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// `name="value"` or `name=value` among the ';'-separated parameters of a field's value.
std::optional<std::string> parameter(std::string_view value, std::string_view name) {
  size_t at = value.find(';');
  while (at != std::string_view::npos) {
    ++at;
    const size_t equals = value.find('=', at);
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view key = trim(value.substr(at, equals - at));
    std::string text;
    size_t i = equals + 1;
    if (i < value.size() && value[i] == '"') {
      for (++i; i < value.size() && value[i] != '"'; ++i) {
        if (value[i] == '\\' && i + 1 < value.size()) ++i;
        text += value[i];
      }
      if (i == value.size()) return std::nullopt;
      at = value.find(';', i);
    } else {
      at = value.find(';', i);
      text = trim(value.substr(i, at == std::string_view::npos ? at : at - i));
    }
    if (equals_ignoring_case(key, name)) return text;
  }
  return std::nullopt;
}

// The value of a part's field; empty: it has none.
std::string_view field_of(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head = end == std::string_view::npos ? "" : head.substr(end + 2);
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos && equals_ignoring_case(line.substr(0, colon), name)) {
      return trim(line.substr(colon + 1));
    }
  }
  return {};
}

}  // namespace

ApiResult<std::vector<FormPart>> parse_multipart(std::string_view content_type,
                                                 std::string_view body) {
  const std::string_view type = trim(content_type.substr(0, content_type.find(';')));
  if (!equals_ignoring_case(type, "multipart/form-data")) {
    return api_fail(415, "The body must be a form: 'content-type: multipart/form-data'",
                    "unsupported_media_type");
  }
  const auto boundary = parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > 70) {
    return malformed("its content-type names no boundary");
  }
  const std::string delimiter = "\r\n--" + *boundary;
  const std::string_view first = std::string_view(delimiter).substr(2);
  if (!body.starts_with(first)) return malformed("it does not begin with its boundary");
  size_t at = first.size();
  std::vector<FormPart> parts;
  while (!body.substr(at).starts_with("--")) {
    if (!body.substr(at).starts_with("\r\n")) return malformed("a boundary's line does not end");
    at += 2;
    const size_t end = body.find(delimiter, at);
    if (end == std::string_view::npos) return malformed("its last boundary is missing");
    const std::string_view part = body.substr(at, end - at);
    const size_t blank = part.starts_with("\r\n") ? 0 : part.find("\r\n\r\n");
    if (blank == std::string_view::npos || blank > kMaxHead) {
      return malformed("a part has no end of its head");
    }
    const std::string_view disposition = field_of(part.substr(0, blank), "content-disposition");
    auto name = parameter(disposition, "name");
    if (!name) return malformed("a part has no name");
    if (parts.size() == kMaxParts) return malformed("it has too many parts");
    const size_t data = blank == 0 ? 2 : blank + 4;
    parts.push_back(
        {std::move(*name), parameter(disposition, "filename").value_or(""), part.substr(data)});
    at = end + delimiter.size();
  }
  return parts;
}

}  // namespace holdfast
