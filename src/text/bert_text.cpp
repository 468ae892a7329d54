#include "text/bert_text.h"

#include <algorithm>
#include <iterator>

#include <utf8proc.h>

#include "text/unicode.h"

namespace holdfast {
namespace {

enum Kind { kDropped, kAccent, kPunctuation, kLower };

struct Range {
  char32_t first, last;
  Kind kind;
  int32_t delta = 0;  // kLower: to the lower case
};
constexpr Range kRanges[] = {
#include "text/unicode_bert.inc"
};

const Range* find(char32_t code) {
  const auto next =
      std::upper_bound(std::begin(kRanges), std::end(kRanges), code,
                       [](char32_t value, const Range& range) { return value < range.first; });
  if (next == std::begin(kRanges) || code > std::prev(next)->last) return nullptr;
  return &*std::prev(next);
}

bool is(char32_t code, Kind kind) {
  const Range* range = find(code);
  return range != nullptr && range->kind == kind;
}

// The blocks Hugging Face names, with its gap in extension E.
bool is_ideograph(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B81F) ||
         (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x2F800 && c <= 0x2FA1F);
}

void append_lower(std::string& out, char32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code);
    return;
  }
  if (code == 0x130) {  // I with a dot above: the only one that becomes two
    out += "i\xCC\x87";
    return;
  }
  if (const Range* range = find(code); range != nullptr && range->kind == kLower) {
    code = static_cast<char32_t>(static_cast<int32_t>(code) + range->delta);
  } else {
    code = static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code)));
  }
  append_utf8(out, code);
}

template <class F>
std::string mapped(std::string_view text, F&& append) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    text.remove_prefix(step.bytes);
    append(out, step.code);
  }
  return out;
}

}  // namespace

bool is_bert_punctuation(char32_t code) { return is(code, kPunctuation); }

std::string bert_form(std::string_view text, const BertForm& form) {
  std::string out = mapped(text, [&](std::string& to, char32_t code) {
    if (form.clean) {
      const bool line = code == '\t' || code == '\n' || code == '\r';
      if (!line && is(code, kDropped)) return;
      if (is_white_space(code)) code = ' ';
    }
    const bool apart = form.space_ideographs && is_ideograph(code);
    if (apart) to += ' ';
    append_utf8(to, code);
    if (apart) to += ' ';
  });
  const bool ascii = std::all_of(out.begin(), out.end(), [](char c) { return (c & 0x80) == 0; });
  if (form.strip_accents && !ascii) {
    out = mapped(to_nfd(out), [](std::string& to, char32_t code) {
      if (!is(code, kAccent)) append_utf8(to, code);
    });
  }
  return form.lower_case ? mapped(out, append_lower) : out;
}

}  // namespace holdfast
