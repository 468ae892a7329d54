#include "text/unicode.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include <simdjson.h>
#include <utf8proc.h>

#include "base/check.h"

namespace holdfast {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr std::string_view kReplacementBytes = "\xEF\xBF\xBD";

// The second byte decides what the first leaves open: no overlong forms, no surrogates, nothing
// above U+10FFFF (Unicode 15, table 3-7).
struct Lead {
  uint8_t bytes;  // of the whole character; 0: never starts one
  uint8_t second_low, second_high;
};

constexpr Lead lead_of(uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

constexpr UnicodeAddition kAdditions[] = {
#include "text/unicode_additions.inc"
};

// The general category of `code` as of Unicode 16, such as "Lo".
std::string_view category_of(char32_t code) {
  const auto next = std::upper_bound(
      std::begin(kAdditions), std::end(kAdditions), code,
      [](char32_t value, const UnicodeAddition& addition) { return value < addition.first; });
  if (next != std::begin(kAdditions) && code <= std::prev(next)->last) {
    return std::prev(next)->category;
  }
  return utf8proc_category_string(static_cast<utf8proc_int32_t>(code));
}

struct CodeRange {
  char32_t first, last;
};
constexpr CodeRange kUnnormalized[] = {
#include "text/unicode_unnormalized.inc"
};
// utf8proc 2.8 swallows this after a Hangul syllable, as if it were a final consonant (it is the
// one before the first of them).
constexpr char32_t kBeforeFinals = 0x11A7;

bool in_ranges(auto&& ranges, char32_t code) {
  const auto next =
      std::upper_bound(std::begin(ranges), std::end(ranges), code,
                       [](char32_t value, const auto& range) { return value < range.first; });
  return next != std::begin(ranges) && code <= std::prev(next)->last;
}

// Starters that neither decompose nor compose, as Hugging Face sees them: what stands on either
// side has a normal form of its own.
bool is_left_alone(char32_t code) {
  if (code < 0x300) return false;
  return code == kBeforeFinals || in_ranges(kUnnormalized, code) || in_ranges(kAdditions, code);
}

// Canonical ordering by a stable sort: the library's own is quadratic on a long run of marks.
void put_in_order(std::vector<utf8proc_int32_t>& codes) {
  const auto combining_class = [](utf8proc_int32_t code) {
    return utf8proc_get_property(code)->combining_class;
  };
  for (auto at = codes.begin(); at != codes.end();) {
    if (combining_class(*at) == 0) {
      ++at;
      continue;
    }
    const auto end =
        std::find_if(at, codes.end(), [&](utf8proc_int32_t c) { return combining_class(c) == 0; });
    std::stable_sort(at, end, [&](utf8proc_int32_t a, utf8proc_int32_t b) {
      return combining_class(a) < combining_class(b);
    });
    at = end;
  }
}

// Appends the composed form of `codes`, which are decomposed but not in order.
void compose(std::vector<utf8proc_int32_t>& codes, std::string& out) {
  put_in_order(codes);
  const utf8proc_ssize_t length =
      utf8proc_normalize_utf32(codes.data(), static_cast<utf8proc_ssize_t>(codes.size()),
                               static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  CHECK(length >= 0) << "utf8proc_normalize_utf32 gave " << length;
  for (utf8proc_ssize_t i = 0; i < length; ++i) {
    const auto code = static_cast<char32_t>(codes[static_cast<std::size_t>(i)]);
    if (!is_left_alone(code)) {
      append_utf8(out, code);
      continue;
    }
    // Two characters became one that is newer than the tables we follow: take it back.
    utf8proc_int32_t parts[8];
    int boundary_class = UTF8PROC_BOUNDCLASS_START;
    const utf8proc_ssize_t count = utf8proc_decompose_char(
        static_cast<utf8proc_int32_t>(code), parts, 8,
        static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_STABLE), &boundary_class);
    for (utf8proc_ssize_t k = 0; k < count; ++k) append_utf8(out, static_cast<char32_t>(parts[k]));
  }
}

}  // namespace

Utf8Step utf8_step(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<uint8_t>(text[i]); };
  const Lead lead = lead_of(byte(0));
  if (lead.bytes == 1) return {byte(0), 1, true, false};
  if (lead.bytes == 0) return {kReplacement, 1, false, false};
  char32_t code = byte(0) & (0x7F >> lead.bytes);
  for (uint8_t i = 1; i < lead.bytes; ++i) {
    if (i == text.size()) return {kReplacement, i, false, true};
    const uint8_t low = i == 1 ? lead.second_low : 0x80;
    const uint8_t high = i == 1 ? lead.second_high : 0xBF;
    if (byte(i) < low || byte(i) > high) return {kReplacement, i, false, false};
    code = (code << 6) | (byte(i) & 0x3F);
  }
  return {code, lead.bytes, true, false};
}

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

void append_utf8(std::string& out, char32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    out += step.valid ? text.substr(0, step.bytes) : kReplacementBytes;
    text.remove_prefix(step.bytes);
  }
  return out;
}

bool is_white_space(char32_t code) {
  if (code < 0x80) return code == ' ' || (code >= '\t' && code <= '\r');
  return code == 0x85 || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) ||
         code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

std::span<const UnicodeAddition> unicode_additions() { return kAdditions; }

bool is_word_character(char32_t code) {
  const std::string_view category = category_of(code);
  return category[0] == 'L' || category[0] == 'M' || category == "Nd" || category == "Nl" ||
         category == "Pc";
}

bool is_numeric(char32_t code) {
  if (code < 0x80) return code >= '0' && code <= '9';
  return category_of(code)[0] == 'N';
}

bool is_surely_nfc(std::string_view text) {
  while (!text.empty()) {
    if (static_cast<uint8_t>(text[0]) < 0x80) {
      text.remove_prefix(1);
      continue;
    }
    const Utf8Step step = utf8_step(text);
    const char32_t c = step.code;
    // Starters that neither decompose nor compose with anything in these ranges: Latin, CJK
    // punctuation, kana, ideographs, full-width forms, emoji (a test checks each of them).
    const bool inert = c < 0x300 || (c >= 0x2010 && c <= 0x2027) || (c >= 0x3000 && c <= 0x3029) ||
                       (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) ||
                       (c >= 0x3041 && c <= 0x3096) || (c >= 0x309B && c <= 0x30FF) ||
                       (c >= 0xFF01 && c <= 0xFF9F) || (c >= 0x1F300 && c <= 0x1F64F);
    if (!inert) return false;
    text.remove_prefix(step.bytes);
  }
  return true;
}

namespace {

// Decomposes `text` and hands what stands between characters that are left alone to `finish`.
template <class Finish>
std::string normalize(std::string_view text, Finish&& finish) {
  std::vector<utf8proc_int32_t> codes;
  codes.reserve(text.size());
  std::string out;
  out.reserve(text.size());
  int boundary_class = UTF8PROC_BOUNDCLASS_START;
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    text.remove_prefix(step.bytes);
    if (is_left_alone(step.code)) {
      finish(codes, out);
      append_utf8(out, step.code);
      codes.clear();
      continue;
    }
    utf8proc_int32_t parts[8];
    const utf8proc_ssize_t count = utf8proc_decompose_char(
        static_cast<utf8proc_int32_t>(step.code), parts, 8,
        static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_STABLE), &boundary_class);
    CHECK(count >= 0 && count <= 8) << "canonical decompositions have at most four characters";
    codes.insert(codes.end(), parts, parts + count);
  }
  finish(codes, out);
  return out;
}

}  // namespace

std::string to_nfc(std::string_view text) { return normalize(text, compose); }

std::string to_nfd(std::string_view text) {
  return normalize(text, [](std::vector<utf8proc_int32_t>& codes, std::string& out) {
    put_in_order(codes);
    for (const utf8proc_int32_t code : codes) append_utf8(out, static_cast<char32_t>(code));
  });
}

}  // namespace holdfast
