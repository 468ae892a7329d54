#include "text/jinja/lexer.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "text/jinja/unicode.h"

namespace holdfast::jinja {
namespace {

using Type = Token::Type;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_char(char c) { return is_name_start(c) || is_digit(c); }

// Lines end in \n only, and one newline at the very end does not count.
std::string normalized(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalized(source)) {}

  Result<std::vector<Token>> run() {
    while (at_ < source_.size()) RETURN_IF_ERROR(data_then_tag());
    add(Type::kEnd, "");
    return std::move(tokens_);
  }

 private:
  std::string_view rest() const { return std::string_view(source_).substr(at_); }

  void add(Type type, std::string text) {
    Token token;
    token.type = type;
    token.text = std::move(text);
    token.line = line_;
    tokens_.push_back(std::move(token));
  }

  void advance(size_t to) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<ptrdiff_t>(at_),
                                         source_.begin() + static_cast<ptrdiff_t>(to), '\n'));
    at_ = to;
  }

  void skip_space() {
    size_t to = at_;
    while (to < source_.size()) {
      const CodePoint c = code_point(source_, to);
      if (!is_space(c.value)) break;
      to += c.size;
    }
    advance(to);
  }

  // Where the next {{, {% or {# begins.
  size_t next_tag(size_t from) const {
    for (size_t i = from; i + 1 < source_.size(); ++i) {
      if (source_[i] == '{' &&
          (source_[i + 1] == '{' || source_[i + 1] == '%' || source_[i + 1] == '#')) {
        return i;
      }
    }
    return source_.size();
  }

  // The text before a tag, as the tag's sign asks: '-' drops whitespace, '+' keeps it, and without
  // a sign the indentation of a statement or comment alone on its line goes (lstrip_blocks).
  std::string_view before_tag(std::string_view text, char sign, bool is_variable) const {
    if (sign == '-') {
      const auto [begin, end] = strip(text, {.left = false, .right = true}, nullptr);
      return text.substr(begin, end - begin);
    }
    if (sign == '+' || is_variable) return text;
    const size_t newline = text.rfind('\n');
    const size_t line_begin = newline == std::string_view::npos ? 0 : newline + 1;
    if (line_begin == 0 && !line_starting_) return text;
    const auto [begin, end] = strip(text.substr(line_begin), {}, nullptr);
    return begin == end ? text.substr(0, line_begin) : text;
  }

  static char sign_at(std::string_view text, size_t at) {
    return at < text.size() && (text[at] == '-' || text[at] == '+') ? text[at] : '\0';
  }

  Status data_then_tag() {
    const size_t tag = next_tag(at_);
    const std::string_view text = rest().substr(0, tag - at_);
    if (tag == source_.size()) {
      add(Type::kData, std::string(text));
      advance(tag);
      return {};
    }
    const char kind = source_[tag + 1];
    const char sign = sign_at(source_, tag + 2);
    const std::string_view kept = before_tag(text, sign, kind == '{');
    if (!kept.empty()) add(Type::kData, std::string(kept));
    advance(tag);
    const int begin_line = line_;
    at_ += sign != '\0' ? 3 : 2;
    if (kind == '#') return comment(begin_line);
    if (kind == '%') {
      const size_t after_raw = raw_begin();
      if (after_raw != 0) return raw(after_raw, begin_line);
    }
    add(kind == '{' ? Type::kVariableBegin : Type::kBlockBegin, "");
    return tag_tokens(kind == '{');
  }

  // After a tag's end: what its sign and trim_blocks drop.
  void after_tag(char sign, bool trims) {
    line_starting_ = false;
    if (sign == '-') {
      skip_space();
    } else if (sign != '+' && trims && rest().starts_with('\n')) {
      advance(at_ + 1);
    }
    line_starting_ = at_ > 0 && source_[at_ - 1] == '\n';
  }

  Status comment(int begin_line) {
    const size_t end = source_.find("#}", at_);
    if (end == std::string::npos) return syntax_error("a comment without its #}", begin_line);
    const char sign = end > at_ ? sign_at(source_, end - 1) : '\0';
    advance(end + 2);
    after_tag(sign, true);
    return {};
  }

  // Behind "raw %}" or "raw -%}" when that follows; else 0.
  size_t raw_begin() const {
    size_t i = source_.find_first_not_of(" \t\n", at_);
    if (i == std::string::npos || source_.compare(i, 3, "raw") != 0) return 0;
    i = source_.find_first_not_of(" \t\n", i + 3);
    if (i == std::string::npos) return 0;
    if (source_.compare(i, 3, "-%}") == 0) return i + 3;
    return source_.compare(i, 2, "%}") == 0 ? i + 2 : 0;
  }

  Status raw(size_t begin, int begin_line) {
    const bool strips = source_[begin - 3] == '-';
    advance(begin);
    line_starting_ = false;
    if (strips) {
      skip_space();
      line_starting_ = source_[at_ - 1] == '\n';
    }
    for (size_t tag = at_; (tag = source_.find("{%", tag)) != std::string::npos; ++tag) {
      const char sign = sign_at(source_, tag + 2);
      size_t i = source_.find_first_not_of(" \t\n", tag + (sign != '\0' ? 3 : 2));
      if (i == std::string::npos || source_.compare(i, 6, "endraw") != 0) continue;
      i = source_.find_first_not_of(" \t\n", i + 6);
      if (i == std::string::npos) continue;
      const char end_sign = sign_at(source_, i);
      if (end_sign != '\0') ++i;
      if (source_.compare(i, 2, "%}") != 0) continue;
      const std::string_view kept = before_tag(rest().substr(0, tag - at_), sign, false);
      if (!kept.empty()) add(Type::kData, std::string(kept));
      advance(i + 2);
      after_tag(end_sign, true);
      return {};
    }
    return syntax_error("a raw block without its endraw", begin_line);
  }

  Status tag_tokens(bool is_variable) {
    const std::string_view close = is_variable ? "}}" : "%}";
    const int begin_line = line_;
    std::string open;  // closing brackets that are due
    while (true) {
      skip_space();
      if (at_ == source_.size()) return syntax_error("a tag without its end", begin_line);
      if (open.empty()) {
        const char sign = sign_at(source_, at_);
        const bool signed_end =
            (sign == '-' || (sign == '+' && !is_variable)) && rest().substr(1).starts_with(close);
        if (signed_end || rest().starts_with(close)) {
          add(is_variable ? Type::kVariableEnd : Type::kBlockEnd, "");
          at_ += close.size() + (signed_end ? 1 : 0);
          after_tag(signed_end ? sign : '\0', !is_variable);
          return {};
        }
      }
      RETURN_IF_ERROR(token(open));
    }
  }

  Status token(std::string& open) {
    const char c = source_[at_];
    if (is_digit(c)) return number();
    if (is_name_start(c)) {
      size_t end = at_;
      while (end < source_.size() && is_name_char(source_[end])) ++end;
      add(Type::kName, source_.substr(at_, end - at_));
      at_ = end;
      return {};
    }
    if (c == '\'' || c == '"') return string(c);
    static constexpr std::string_view kOperators[] = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
        "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
    for (const std::string_view op : kOperators) {
      if (!rest().starts_with(op)) continue;
      if (op == "(" || op == "[" || op == "{") {
        open += op == "(" ? ')' : op == "[" ? ']' : '}';
      } else if (op == ")" || op == "]" || op == "}") {
        if (open.empty() || open.back() != op[0]) {
          return syntax_error("an unexpected '" + std::string(op) + "'", line_);
        }
        open.pop_back();
      }
      add(Type::kOperator, std::string(op));
      at_ += op.size();
      return {};
    }
    const size_t size = code_point(source_, at_).size;
    return syntax_error("an unexpected character '" + source_.substr(at_, size) + "'", line_);
  }

  Status number() {
    size_t end = at_;
    const auto digits = [&] {
      while (end < source_.size() &&
             (is_digit(source_[end]) ||
              (source_[end] == '_' && end + 1 < source_.size() && is_digit(source_[end + 1])))) {
        ++end;
      }
    };
    digits();
    bool is_float = false;
    // ".5" belongs to the number only if this is not an index such as a.0.5 already.
    const bool after_dot = at_ > 0 && source_[at_ - 1] == '.';
    if (!after_dot && end + 1 < source_.size() && source_[end] == '.' &&
        is_digit(source_[end + 1])) {
      is_float = true;
      ++end;
      digits();
    }
    if (!after_dot && end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      size_t exponent = end + 1;
      if (exponent < source_.size() && (source_[exponent] == '+' || source_[exponent] == '-')) {
        ++exponent;
      }
      if (exponent < source_.size() && is_digit(source_[exponent])) {
        is_float = true;
        end = exponent;
        digits();
      }
    }
    std::string text = source_.substr(at_, end - at_);
    std::erase(text, '_');
    add(is_float ? Type::kFloat : Type::kInteger, text);
    if (end < source_.size() && is_name_start(source_[end])) {
      return not_in_subset("a number in another base or form", line_);
    }
    at_ = end;
    if (is_float) {
      tokens_.back().number = std::strtod(text.c_str(), nullptr);
      return {};
    }
    const auto [last, error] =
        std::from_chars(text.data(), text.data() + text.size(), tokens_.back().integer);
    if (error != std::errc()) return not_in_subset("an integer beyond 64 bits", line_);
    return {};
  }

  Status string(char quote) {
    const int begin_line = line_;
    std::string out;
    size_t i = at_ + 1;
    while (i < source_.size() && source_[i] != quote) {
      if (source_[i] != '\\') {
        out += source_[i++];
      } else {
        ++i;
        RETURN_IF_ERROR(escape(i, out));
      }
    }
    if (i >= source_.size()) return syntax_error("a string without its end", begin_line);
    add(Type::kString, std::move(out));
    advance(i + 1);
    return {};
  }

  // Python's escapes; `i` stands behind the backslash, and behind the escape afterwards.
  Status escape(size_t& i, std::string& out) {
    static constexpr std::string_view kLetters = "\\'\"abfnrtv", kMeant = "\\'\"\a\b\f\n\r\t\v";
    if (i >= source_.size()) return {};  // the string has no end: told there
    const char letter = source_[i++];
    if (const size_t which = kLetters.find(letter); which != std::string_view::npos) {
      out += kMeant[which];
      return {};
    }
    if (letter == '\n') return {};  // the line goes on
    if (letter >= '0' && letter <= '7') {
      int32_t c = letter - '0';
      for (int n = 1; n < 3 && i < source_.size() && source_[i] >= '0' && source_[i] <= '7'; ++n) {
        c = c * 8 + (source_[i++] - '0');
      }
      append_utf8(out, c);
      return {};
    }
    if (letter == 'x' || letter == 'u' || letter == 'U') {
      const size_t digits = letter == 'x' ? 2 : letter == 'u' ? 4 : 8;
      uint32_t c = 0;
      const char* begin = source_.data() + i;
      const char* end = source_.data() + std::min(i + digits, source_.size());
      const auto [last, error] = std::from_chars(begin, end, c, 16);
      if (error != std::errc() || last != begin + digits || c > 0x10FFFF ||
          (c >= 0xD800 && c <= 0xDFFF)) {
        return syntax_error(std::string("a broken \\") + letter + " escape", line_);
      }
      append_utf8(out, static_cast<int32_t>(c));
      i += digits;
      return {};
    }
    if (letter == 'N') return not_in_subset("an \\N{...} escape", line_);
    out += '\\';
    --i;  // unknown escapes stay as they are; the character itself comes next
    out += source_[i++];
    return {};
  }

  std::string source_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;  // only whitespace may stand between here and the line's begin
};

}  // namespace

tl::unexpected<Error> syntax_error(std::string message, int line) {
  return fail(Code::kInvalidArgument, "the chat template has " + std::move(message),
              "chat template, line " + std::to_string(line));
}

tl::unexpected<Error> not_in_subset(std::string message, int line) {
  return fail(Code::kUnimplemented, "the chat template uses " + std::move(message),
              "chat template, line " + std::to_string(line),
              "rewrite that part, or render the prompt yourself and use /v1/completions");
}

Result<std::vector<Token>> tokenize(std::string_view source) {
  if (!is_valid_utf8(source)) {
    return fail(Code::kInvalidArgument, "the chat template is not UTF-8");
  }
  return Lexer(source).run();
}

}  // namespace holdfast::jinja
