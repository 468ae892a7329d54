#include "text/jinja/unicode.h"

#include <utf8proc.h>

namespace holdfast::jinja {
namespace {

// Full uppercase mappings that differ from the simple one (Unicode's SpecialCasing.txt, the
// unconditional ones a template is likely to meet).
struct FullUpper {
  int32_t from;
  std::string_view upper, title;
};
constexpr FullUpper kFullUpper[] = {
    {0xDF, "SS", "Ss"},     {0x149, "\xCA\xBCN", "\xCA\xBCN"},
    {0xFB00, "FF", "Ff"},   {0xFB01, "FI", "Fi"},
    {0xFB02, "FL", "Fl"},   {0xFB03, "FFI", "Ffi"},
    {0xFB04, "FFL", "Ffl"}, {0xFB05, "ST", "St"},
    {0xFB06, "ST", "St"},
};

enum class Case { kUpper, kLower, kTitle };

void append_case(std::string& out, int32_t c, Case to) {
  if (c < 0x80) {
    const char ascii = static_cast<char>(c);
    if (to == Case::kLower) {
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(ascii + 32) : ascii;
    } else {
      out += c >= 'a' && c <= 'z' ? static_cast<char>(ascii - 32) : ascii;
    }
    return;
  }
  if (to != Case::kLower) {
    for (const FullUpper& full : kFullUpper) {
      if (full.from == c) {
        out += to == Case::kUpper ? full.upper : full.title;
        return;
      }
    }
  } else if (c == 0x130) {  // capital I with dot above
    out += "i\xCC\x87";
    return;
  }
  append_utf8(out, to == Case::kUpper   ? utf8proc_toupper(c)
                   : to == Case::kLower ? utf8proc_tolower(c)
                                        : utf8proc_totitle(c));
}

// A sigma that ends a word is written as final sigma in lower case.
bool is_final_sigma(std::string_view text, size_t at, size_t size) {
  const auto ignorable = [](int32_t c) {
    const auto category = utf8proc_category(c);
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME ||
           category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_LM ||
           category == UTF8PROC_CATEGORY_SK || c == '\'' || c == '.' || c == ':' || c == 0xB7 ||
           c == 0x2018 || c == 0x2019 || c == 0x2024 || c == 0x2027;
  };
  size_t before = at;
  bool cased_before = false;
  while (before > 0) {
    do {
      --before;
    } while (before > 0 && (static_cast<unsigned char>(text[before]) & 0xC0) == 0x80);
    const int32_t c = code_point(text, before).value;
    if (ignorable(c)) continue;
    cased_before = is_cased(c);
    break;
  }
  if (!cased_before) return false;
  for (size_t next = at + size; next < text.size();) {
    const CodePoint c = code_point(text, next);
    if (!ignorable(c.value)) return !is_cased(c.value);
    next += c.size;
  }
  return true;
}

// Each code point in the case that choose(code point) says, keeping its trust.
template <class Choose>
Text map_case(const Text& text, Choose choose) {
  Text out;
  out.markup = text.markup;
  out.reserve(text.size());
  size_t begin = 0;  // of the run
  std::string mapped;
  text.for_each_run([&](std::string_view run, bool trusted) {
    mapped.clear();
    for (size_t i = 0; i < run.size();) {
      const CodePoint c = code_point(run, i);
      const Case to = choose(c.value);
      if (c.value == 0x3A3 && to == Case::kLower) {
        append_utf8(mapped, is_final_sigma(text.view(), begin + i, c.size) ? 0x3C2 : 0x3C3);
      } else {
        append_case(mapped, c.value, to);
      }
      i += c.size;
    }
    out.append(mapped, trusted);
    begin += run.size();
  });
  return out;
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    if (static_cast<unsigned char>(text[i]) < 0x80) {
      ++i;
      continue;
    }
    utf8proc_int32_t c = -1;
    const auto n = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + i,
                                    static_cast<utf8proc_ssize_t>(text.size() - i), &c);
    if (n <= 0) return false;
    i += static_cast<size_t>(n);
  }
  return true;
}

CodePoint code_point(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0;
  };
  const int32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const auto low = [&](size_t i) { return byte(i) & 0x3F; };
  if (first < 0xE0) return {(first & 0x1F) << 6 | low(1), 2};
  if (first < 0xF0) return {(first & 0x0F) << 12 | low(1) << 6 | low(2), 3};
  return {(first & 0x07) << 18 | low(1) << 12 | low(2) << 6 | low(3), 4};
}

void append_utf8(std::string& out, int32_t c) {
  utf8proc_uint8_t bytes[4];
  const auto n = utf8proc_encode_char(c, bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(n));
}

size_t length(std::string_view text) {
  size_t n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

size_t byte_offset(std::string_view text, size_t n) {
  size_t at = 0;
  for (; n > 0 && at < text.size(); --n) at += code_point(text, at).size;
  return at;
}

bool is_space(int32_t c) {
  if (c < 0x80) return (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x20);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_printable(int32_t c) {
  if (c < 0x7F) return c >= 0x20;
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

bool is_upper(int32_t c) {
  return utf8proc_category(c) == UTF8PROC_CATEGORY_LU || (c >= 0x2160 && c <= 0x216F) ||
         (c >= 0x24B6 && c <= 0x24CF);
}
bool is_lower(int32_t c) {
  return utf8proc_category(c) == UTF8PROC_CATEGORY_LL || (c >= 0x2170 && c <= 0x217F) ||
         (c >= 0x24D0 && c <= 0x24E9);
}
bool is_cased(int32_t c) {
  return is_upper(c) || is_lower(c) || utf8proc_category(c) == UTF8PROC_CATEGORY_LT;
}

std::pair<size_t, size_t> strip(std::string_view text, Ends ends, const std::string* chars) {
  const auto drops = [&](size_t at) {
    const CodePoint c = code_point(text, at);
    return chars == nullptr ? is_space(c.value)
                            : chars->find(text.substr(at, c.size)) != std::string::npos;
  };
  size_t begin = 0, end = text.size();
  while (ends.left && begin < end && drops(begin)) begin += code_point(text, begin).size;
  while (ends.right && begin < end) {
    size_t last = end - 1;
    while (last > begin && (static_cast<unsigned char>(text[last]) & 0xC0) == 0x80) --last;
    if (!drops(last)) break;
    end = last;
  }
  return {begin, end};
}

Text upper(const Text& text) {
  return map_case(text, [](int32_t) { return Case::kUpper; });
}

Text lower(const Text& text) {
  return map_case(text, [](int32_t) { return Case::kLower; });
}

Text capitalize(const Text& text) {
  return map_case(text, [first = true](int32_t) mutable {
    return std::exchange(first, false) ? Case::kTitle : Case::kLower;
  });
}

Text title_by_words(const Text& text) {
  return map_case(text, [begins = true](int32_t c) mutable {
    const bool separates = is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
    return std::exchange(begins, separates) && !separates ? Case::kUpper : Case::kLower;
  });
}

Text title_by_case(const Text& text) {
  return map_case(text, [begins = true](int32_t c) mutable {
    return std::exchange(begins, !is_cased(c)) ? Case::kTitle : Case::kLower;
  });
}

}  // namespace holdfast::jinja
