// Reads a pattern as Oniguruma (with its Ruby syntax) would and writes the same for PCRE2.

#include <algorithm>
#include <array>
#include <cctype>

#include "text/regex.h"

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
        out_ += "\\p{Nd}";
        break;
      case 'p':
      case 'P':
        return property();
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

  // \p{L}: the general categories, which both engines name alike.
  Status property() {
    static constexpr std::array<std::string_view, 38> kKnown{
        "C",  "Cc", "Cf", "Cn", "Co", "Cs", "L",  "Ll", "Lm", "Lo", "Lt", "Lu", "M",
        "Mc", "Me", "Mn", "N",  "Nd", "Nl", "No", "P",  "Pc", "Pd", "Pe", "Pf", "Pi",
        "Po", "Ps", "S",  "Sc", "Sk", "Sm", "So", "Z",  "Zl", "Zp", "Zs", "Han"};
    const std::size_t close = in_.find('}', at_);
    if (at_ + 2 < in_.size() && in_[at_ + 2] == '{' && close != std::string_view::npos) {
      const std::string_view name = in_.substr(at_ + 3, close - at_ - 3);
      for (const std::string_view known : kKnown) {
        if (name != known) continue;
        out_ += in_.substr(at_, close + 1 - at_);
        at_ = close + 1;
        return {};
      }
      return unsupported(in_.substr(at_, std::min<std::size_t>(close + 1 - at_, 40)));
    }
    return unsupported(in_.substr(at_, 2));
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
