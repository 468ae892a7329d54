#include "text/jinja/text_methods.h"

#include <algorithm>

#include "text/jinja/unicode.h"

namespace holdfast::jinja {
namespace {

tl::unexpected<Error> empty_separator() { return fail(Code::kInvalidArgument, "empty separator"); }

size_t previous(std::string_view text, size_t at) {
  do {
    --at;
  } while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return at;
}

bool space_at(std::string_view text, size_t at) { return is_space(code_point(text, at).value); }

std::vector<Text> split_space(const Text& text, int64_t limit) {
  const std::string_view bytes = text.view();
  std::vector<Text> parts;
  size_t at = 0;
  const auto skip = [&] {
    while (at < bytes.size() && space_at(bytes, at)) at += code_point(bytes, at).size;
  };
  for (skip(); at < bytes.size(); skip()) {
    if (limit >= 0 && static_cast<int64_t>(parts.size()) == limit) {
      parts.push_back(text.slice(at, bytes.size()));
      break;
    }
    const size_t begin = at;
    while (at < bytes.size() && !space_at(bytes, at)) at += code_point(bytes, at).size;
    parts.push_back(text.slice(begin, at));
  }
  return parts;
}

std::vector<Text> rsplit_space(const Text& text, int64_t limit) {
  const std::string_view bytes = text.view();
  std::vector<Text> parts;
  size_t at = bytes.size();
  const auto skip = [&] {
    while (at > 0 && space_at(bytes, previous(bytes, at))) at = previous(bytes, at);
  };
  for (skip(); at > 0; skip()) {
    if (limit >= 0 && static_cast<int64_t>(parts.size()) == limit) {
      parts.push_back(text.slice(0, at));
      break;
    }
    const size_t end = at;
    while (at > 0 && !space_at(bytes, previous(bytes, at))) at = previous(bytes, at);
    parts.push_back(text.slice(at, end));
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

}  // namespace

Result<Text> replaced(const Text& text, const Text& before, const Text& after, int64_t count,
                      Budget& budget) {
  const std::string_view bytes = text.view();
  Text out;
  size_t at = 0;
  if (before.empty()) {  // in front of every character, and at the end
    for (; count != 0; --count) {
      RETURN_IF_ERROR(budget.bytes(after.size() + 1));
      out.append(after);
      if (at == bytes.size()) return out;
      const size_t size = code_point(bytes, at).size;
      out.append(text, at, at + size);
      at += size;
    }
  }
  for (; count != 0; --count) {
    const size_t found = bytes.find(before.view(), at);
    if (found == std::string_view::npos) break;
    RETURN_IF_ERROR(budget.bytes(after.size() + 1));
    out.append(text, at, found);
    out.append(after);
    at = found + before.size();
  }
  out.append(text, at, bytes.size());
  return out;
}

Result<std::vector<Text>> split(const Text& text, const Text* separator, int64_t limit,
                                bool from_right, Budget& budget) {
  RETURN_IF_ERROR(budget.bytes(text.size()));
  if (separator == nullptr)
    return from_right ? rsplit_space(text, limit) : split_space(text, limit);
  if (separator->empty()) return empty_separator();
  const std::string_view bytes = text.view();
  std::vector<Text> parts;
  if (!from_right) {
    size_t at = 0;
    for (; limit != 0; --limit) {
      const size_t found = bytes.find(separator->view(), at);
      if (found == std::string_view::npos) break;
      RETURN_IF_ERROR(budget.bytes(sizeof(Text)));
      parts.push_back(text.slice(at, found));
      at = found + separator->size();
    }
    parts.push_back(text.slice(at, bytes.size()));
    return parts;
  }
  size_t end = bytes.size();
  for (; limit != 0 && end >= separator->size(); --limit) {
    const size_t found = bytes.rfind(separator->view(), end - separator->size());
    if (found == std::string_view::npos) break;
    RETURN_IF_ERROR(budget.bytes(sizeof(Text)));
    parts.push_back(text.slice(found + separator->size(), end));
    end = found;
  }
  parts.push_back(text.slice(0, end));
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<Text> split_lines(const Text& text, bool keep_ends) {
  const std::string_view bytes = text.view();
  std::vector<Text> lines;
  size_t begin = 0;
  for (size_t at = 0; at < bytes.size();) {
    const CodePoint c = code_point(bytes, at);
    const bool ends = (c.value >= 0x0A && c.value <= 0x0D) ||
                      (c.value >= 0x1C && c.value <= 0x1E) || c.value == 0x85 ||
                      c.value == 0x2028 || c.value == 0x2029;
    size_t next = at + c.size;
    if (c.value == '\r' && next < bytes.size() && bytes[next] == '\n') ++next;
    if (ends) {
      lines.push_back(text.slice(begin, keep_ends ? next : at));
      begin = next;
    }
    at = next;
  }
  if (begin < bytes.size()) lines.push_back(text.slice(begin, bytes.size()));
  return lines;
}

}  // namespace holdfast::jinja
