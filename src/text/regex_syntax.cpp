// Reads a pattern as Oniguruma (with its Ruby syntax) would and writes the same for PCRE2.

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "text/regex.h"
#include "text/unicode.h"

namespace holdfast {
namespace {

// \s, spelled out: PCRE2's own also takes U+180E, which has not been white space since Unicode 6.3.
constexpr std::string_view kSpaces =
    "\\t-\\r\\x20\\x85\\xA0\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{"
    "3000}";

class Translator {
 public:
  explicit Translator(std::string_view pattern) : in_(pattern) {}

  Result<std::string> run() {
    while (at_ < in_.size()) {
      const char c = in_[at_];
      if (c == '\\') {
        RETURN_IF_ERROR(escape(/*in_class=*/false));
      } else if (c == '[') {
        RETURN_IF_ERROR(char_class());
      } else if (c == '(') {
        RETURN_IF_ERROR(group());
      } else if (c == '{') {
        RETURN_IF_ERROR(interval());
      } else if (c == '^') {
        return unsupported("^");
      } else {
        out_ += c;
        ++at_;
      }
    }
    return std::move(out_);
  }

 private:
  tl::unexpected<Error> unsupported(std::string_view what) const {
    return fail(Code::kUnimplemented,
                "the pattern uses '" + std::string(what) + "', which is not supported",
                "character " + std::to_string(at_) + " of " + std::string(in_.substr(0, 200)));
  }

  Status escape(bool in_class) {
    if (at_ + 1 == in_.size()) return unsupported("\\ at the end");
    const char c = in_[at_ + 1];
    switch (c) {
      case 's':
        out_ += in_class ? std::string(kSpaces) : "[" + std::string(kSpaces) + "]";
        break;
      case 'S':
        if (in_class) return unsupported("\\S inside [ ]");
        out_ += "[^" + std::string(kSpaces) + "]";
        break;
      case 'd':
        if (!in_class) out_ += '[';
        append_category("Nd");
        if (!in_class) out_ += ']';
        break;
      case 'p':
      case 'P':
        return property(in_class);
      case 'x':
        return code_point();
      case 'r':
      case 'n':
      case 't':
      case 'f':
        out_ += in_.substr(at_, 2);
        break;
      default:
        // An escaped sign stands for itself in both; a letter or digit may mean anything.
        if (static_cast<unsigned char>(c) >= 0x80 || std::isalnum(static_cast<unsigned char>(c))) {
          return unsupported(in_.substr(at_, 2));
        }
        out_ += in_.substr(at_, 2);
    }
    at_ += 2;
    return {};
  }

  // \p{L}: the general categories, which both engines name alike, completed to Unicode 16.
  Status property(bool in_class) {
    static constexpr std::array<std::string_view, 25> kKnown{
        "L",  "Ll", "Lm", "Lo", "Lt", "Lu", "M", "N",  "Nd", "Nl", "No", "P", "Pc",
        "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z"};
    const bool negated = in_[at_ + 1] == 'P';
    const std::size_t close = std::min(in_.find('}', at_), in_.size());
    const std::size_t open = std::min(at_ + 3, close);
    const std::string_view name = in_.substr(open, close - open);
    if (close == in_.size() || in_[at_ + 2] != '{' ||
        std::find(kKnown.begin(), kKnown.end(), name) == kKnown.end()) {
      return unsupported(in_.substr(at_, std::min<std::size_t>(close + 1 - at_, 40)));
    }
    if (negated && in_class) return unsupported("\\P inside [ ]");
    if (!in_class) out_ += negated ? "[^" : "[";
    append_category(name);
    if (!in_class) out_ += ']';
    at_ = close + 1;
    return {};
  }

  // The property comes first: it decides for nearly every character, and PCRE2 looks in order.
  void append_category(std::string_view name) {
    fmt::format_to(std::back_inserter(out_), "\\p{{{}}}", name);
    std::optional<UnicodeAddition> open;  // neighbouring ranges become one
    const auto close = [&] {
      if (open) {
        fmt::format_to(std::back_inserter(out_), "\\x{{{:X}}}-\\x{{{:X}}}",
                       static_cast<uint32_t>(open->first), static_cast<uint32_t>(open->last));
      }
    };
    for (const UnicodeAddition& addition : unicode_additions()) {
      if (!addition.category.starts_with(name)) continue;
      if (open && open->last + 1 == addition.first) {
        open->last = addition.last;
      } else {
        close();
        open = addition;
      }
    }
    close();
  }

  // \x{4E00}
  Status code_point() {
    std::size_t end = at_ + 2;
    if (end >= in_.size() || in_[end] != '{') return unsupported("\\x without {");
    ++end;
    while (end < in_.size() && std::isxdigit(static_cast<unsigned char>(in_[end]))) ++end;
    if (end == at_ + 3 || end > at_ + 9 || end == in_.size() || in_[end] != '}') {
      return unsupported("\\x{");
    }
    out_ += in_.substr(at_, end + 1 - at_);
    at_ = end + 1;
    return {};
  }

  Status char_class() {
    out_ += in_[at_++];
    if (at_ < in_.size() && in_[at_] == '^') out_ += in_[at_++];
    bool empty = true;
    for (; at_ < in_.size(); empty = false) {
      const char c = in_[at_];
      if (c == ']') {
        if (empty) return unsupported("] first in [ ]");
        out_ += c;
        ++at_;
        return {};
      }
      if (c == '[') return unsupported("[ inside [ ]");
      if (c == '&' && at_ + 1 < in_.size() && in_[at_ + 1] == '&') return unsupported("&&");
      if (c == '\\') {
        RETURN_IF_ERROR(escape(/*in_class=*/true));
      } else {
        out_ += c;
        ++at_;
      }
    }
    return fail(Code::kInvalidArgument, "the pattern lacks a closing ]");
  }

  Status group() {
    if (in_.substr(at_, 2) != "(?") {
      // PCRE2 needs no captures, and matches faster without.
      if (in_.substr(at_, 2) == "(*") return unsupported("(*");
      out_ += "(?:";
      ++at_;
      return {};
    }
    for (const std::string_view open : {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?i:"}) {
      if (in_.substr(at_, open.size()) != open) continue;
      out_ += open;
      at_ += open.size();
      return {};
    }
    return unsupported(in_.substr(at_, 3));
  }

  // {n}, {n,} and {n,m}; Oniguruma reads {n,m}+ as a repeated repeat, PCRE2 as possessive.
  Status interval() {
    std::size_t end = at_ + 1;
    while (end < in_.size() &&
           (std::isdigit(static_cast<unsigned char>(in_[end])) || in_[end] == ','))
      ++end;
    const bool starts_with_digit = at_ + 1 < end && in_[at_ + 1] != ',';
    if (end == in_.size() || in_[end] != '}' || !starts_with_digit) return unsupported("{");
    ++end;
    if (end < in_.size() && (in_[end] == '+' || in_[end] == '?')) {
      return unsupported(in_.substr(at_, end + 1 - at_));
    }
    out_ += in_.substr(at_, end - at_);
    at_ = end;
    return {};
  }

  std::string_view in_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

Result<std::string> to_pcre2(std::string_view pattern) { return Translator(pattern).run(); }

}  // namespace holdfast
