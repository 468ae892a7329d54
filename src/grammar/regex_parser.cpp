#include "grammar/regex_parser.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "grammar/regex_anchors.h"
#include "grammar/utf8_ranges.h"

namespace holdfast::grammar {

namespace {

const CharSet& digits() {
  static const CharSet set({{'0', '9'}});
  return set;
}

const CharSet& word_characters() {
  static const CharSet set({{'0', '9'}, {'A', 'Z'}, {'a', 'z'}, {'_', '_'}});
  return set;
}

const CharSet& white_space(RegexDialect dialect) {
  static const CharSet ascii({{'\t', '\r'}, {' ', ' '}});
  static const CharSet ecma({{'\t', '\r'},
                             {' ', ' '},
                             {0xA0, 0xA0},
                             {0x1680, 0x1680},
                             {0x2000, 0x200A},
                             {0x2028, 0x2029},
                             {0x202F, 0x202F},
                             {0x205F, 0x205F},
                             {0x3000, 0x3000},
                             {0xFEFF, 0xFEFF}});
  return dialect == RegexDialect::kEcmaScript ? ecma : ascii;
}

bool is_letter(uint32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(uint32_t c) { return c >= '0' && c <= '9'; }
int hex_digit(uint32_t c) {
  if (is_digit(c)) return static_cast<int>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<int>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<int>(c - 'A' + 10);
  return -1;
}

// One error, kept; everything after it yields nothing.
class RegexParser {
 public:
  RegexParser(Grammar& grammar, std::vector<uint32_t> pattern, RegexDialect dialect)
      : g_(grammar), p_(std::move(pattern)), dialect_(dialect) {}

  Result<ExprId> parse() {
    const ExprId e = alternation(0);
    if (!error_ && at_ < p_.size()) bad("a ')' without its '('");
    if (error_) return holdfast::fail(*error_);
    RETURN_IF_ERROR(g_.status());
    return e;
  }

 private:
  static constexpr uint32_t kNone = 0xFFFFFFFF;
  bool python() const { return dialect_ == RegexDialect::kPython; }
  uint32_t peek(size_t ahead = 0) const {
    return at_ + ahead < p_.size() ? p_[at_ + ahead] : kNone;
  }
  bool take(uint32_t c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view text) {
    for (size_t i = 0; i < text.size(); ++i) {
      if (peek(i) != static_cast<uint8_t>(text[i])) return false;
    }
    at_ += text.size();
    return true;
  }

  ExprId stop(Code code, std::string message, std::string hint = {}) {
    if (!error_)
      error_ = Error{code, std::move(message), fmt::format("character {} of the pattern", at_ + 1),
                     std::move(hint)};
    at_ = p_.size();
    return g_.nothing();
  }
  ExprId bad(std::string message) { return stop(Code::kInvalidArgument, std::move(message)); }
  ExprId missing(std::string_view what) {
    return stop(Code::kUnimplemented, fmt::format("{} in a pattern", what));
  }

  ExprId alternation(int depth) {
    if (depth > Limits::kDepth)
      return stop(Code::kResourceExhausted,
                  fmt::format("groups nested deeper than {}", Limits::kDepth));
    std::vector<ExprId> alternatives;
    do {
      std::vector<ExprId> parts;
      while (at_ < p_.size() && peek() != '|' && peek() != ')' && !g_.error())
        parts.push_back(quantified(depth));
      alternatives.push_back(g_.sequence(parts));
    } while (take('|'));
    return g_.choice(alternatives);
  }

  ExprId quantified(int depth) {
    const ExprId part = atom(depth);
    int32_t min = 1, max = 1;
    if (!quantifier(min, max)) return part;
    if (g_.expr(part).kind == ExprKind::kBegin || g_.expr(part).kind == ExprKind::kEnd)
      return bad("a quantifier after an anchor");
    if (take('+')) return missing("a possessive quantifier");
    take('?');  // lazy: which of several matches is found first makes no difference here
    int32_t unused_min, unused_max;
    if (peek() == '*' || peek() == '+' || peek() == '?' || quantifier(unused_min, unused_max))
      return bad("a quantifier after a quantifier");
    if (min > Limits::kRepeat || max > Limits::kRepeat)
      return stop(Code::kResourceExhausted, fmt::format("a repetition of {} is more than {}",
                                                        std::max(min, max), Limits::kRepeat));
    if (max != kNoLimit && max < min)
      return bad("a repetition whose bounds are the wrong way round");
    return g_.repeat(part, min, max);
  }

  bool quantifier(int32_t& min, int32_t& max) {
    if (take('*')) return min = 0, max = kNoLimit, true;
    if (take('+')) return min = 1, max = kNoLimit, true;
    if (take('?')) return min = 0, max = 1, true;
    if (peek() != '{') return false;
    const size_t start = at_++;
    const auto low = number();
    bool fits = low.has_value();
    if (take(',')) {
      const auto high = number();
      fits = fits || (python() && high);
      min = low.value_or(0);
      max = high.value_or(kNoLimit);
    } else {
      min = max = low.value_or(0);
    }
    if (fits && take('}')) return true;
    at_ = start;  // braces that are no quantifier stand for themselves
    return false;
  }

  std::optional<int32_t> number() {
    if (!is_digit(peek())) return std::nullopt;
    int32_t n = 0;
    while (is_digit(peek()))
      n = std::min<int32_t>(n, 10'000'000) * 10 + static_cast<int32_t>(p_[at_++] - '0');
    return n;
  }

  ExprId atom(int depth) {
    const uint32_t c = p_[at_];
    switch (c) {
      case '(':
        return group(depth);
      case '[':
        ++at_;
        return g_.chars(char_class());
      case '.': {
        ++at_;
        CharSet ends = CharSet::single('\n');
        if (!python()) ends = CharSet({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}});
        return g_.chars(ends.complement());
      }
      case '^':
        ++at_;
        return g_.anchor(ExprKind::kBegin);
      case '$':
        ++at_;
        return g_.anchor(ExprKind::kEnd);
      case '*':
      case '+':
      case '?':
        return bad("a quantifier with nothing before it");
      case '\\': {
        ++at_;
        if (peek() == 'b' || peek() == 'B') return missing("a word boundary (\\b, \\B)");
        if (python() && take('A')) return g_.anchor(ExprKind::kBegin);
        if (python() && take('Z')) return g_.anchor(ExprKind::kEnd);
        if (is_digit(peek()) && peek() != '0') return missing("a backreference");
        if (peek() == 'k') return missing("a backreference");
        return g_.chars(escape(false));
      }
      default:
        ++at_;
        return g_.chars(CharSet::single(c));
    }
  }

  ExprId group(int depth) {
    ++at_;
    if (take('?')) {
      if (take("=") || take("!") || take("<=") || take("<!")) return missing("look-around");
      const bool named = take("P<") || take('<');
      if (named) {
        while (at_ < p_.size() && peek() != '>') ++at_;
        if (!take('>')) return bad("a group name that does not end");
      } else if (take('>')) {
        return missing("an atomic group");
      } else if (take("P=")) {
        return missing("a backreference");
      } else if (take('#')) {
        while (at_ < p_.size() && peek() != ')') ++at_;
      } else if (!take(':')) {
        return missing("flags (such as (?i))");
      }
    }
    const ExprId inner = alternation(depth + 1);
    if (error_) return inner;
    if (!take(')')) return bad("a '(' without its ')'");
    return inner;
  }

  // After the backslash.
  CharSet escape(bool in_class) {
    const uint32_t c = peek();
    if (c == kNone) {
      bad("a backslash at the end");
      return {};
    }
    ++at_;
    switch (c) {
      case 'd':
        return digits();
      case 'D':
        return digits().complement();
      case 'w':
        return word_characters();
      case 'W':
        return word_characters().complement();
      case 's':
        return white_space(dialect_);
      case 'S':
        return white_space(dialect_).complement();
      case 'n':
        return CharSet::single('\n');
      case 'r':
        return CharSet::single('\r');
      case 't':
        return CharSet::single('\t');
      case 'f':
        return CharSet::single('\f');
      case 'v':
        return CharSet::single('\v');
      case 'p':
      case 'P':
        missing("a Unicode property (\\p)");
        return {};
      case 'x':
        return CharSet::single(hex(2));
      case 'u':
        return CharSet::single(unicode_escape());
      default:
        break;
    }
    if (c == 'b' && in_class) return CharSet::single('\b');
    if (python() && c == 'a') return CharSet::single('\a');
    if (python() && c == 'U') return CharSet::single(hex(8));
    if (c == '0' && !is_digit(peek())) return CharSet::single(0);
    if (!python() && c == 'c' && is_letter(peek())) return CharSet::single(p_[at_++] % 32);
    if (is_letter(c) || is_digit(c) || c > 0x7F) {
      --at_;
      std::string name;
      append_utf8(c, name);
      bad(fmt::format("the escape \\{} is not known", name));
      return {};
    }
    return CharSet::single(c);
  }

  uint32_t hex(int count) {
    uint32_t value = 0;
    for (int i = 0; i < count; ++i) {
      const int digit = hex_digit(peek());
      if (digit < 0) {
        bad("an escape with too few hexadecimal digits");
        return 0;
      }
      ++at_;
      value = value * 16 + static_cast<uint32_t>(digit);
    }
    if (value > kLastCodePoint) bad("an escape beyond Unicode");
    return value;
  }

  uint32_t unicode_escape() {
    if (!python() && take('{')) {
      uint32_t value = 0;
      while (hex_digit(peek()) >= 0 && value <= kLastCodePoint)
        value = value * 16 + static_cast<uint32_t>(hex_digit(p_[at_++]));
      if (!take('}') || value > kLastCodePoint) bad("an escape beyond Unicode");
      return value;
    }
    const uint32_t high = hex(4);
    if (!python() && high >= 0xD800 && high <= 0xDBFF && peek() == '\\' && peek(1) == 'u') {
      at_ += 2;
      const uint32_t low = hex(4);
      if (low < 0xDC00 || low > 0xDFFF) bad("half a surrogate pair");
      return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    }
    if (high >= 0xD800 && high <= 0xDFFF) bad("half a surrogate pair");
    return high;
  }

  // After the '['.
  CharSet char_class() {
    const bool negated = take('^');
    CharSet set;
    bool first = true;
    while (!error_) {
      if (at_ >= p_.size()) {
        bad("a '[' without its ']'");
        return {};
      }
      if (peek() == ']' && !(first && python())) {
        ++at_;
        break;
      }
      first = false;
      const CharSet low = class_member();
      if (peek() != '-' || peek(1) == ']' || peek(1) == kNone) {
        set.add(low);
        continue;
      }
      ++at_;
      const CharSet high = class_member();
      if (error_) return {};
      const auto single = [](const CharSet& s) {
        return s.ranges().size() == 1 && s.ranges()[0].first == s.ranges()[0].last;
      };
      if (!single(low) || !single(high)) {
        bad("a range between what are not characters");
        return {};
      }
      const uint32_t from = low.ranges()[0].first, to = high.ranges()[0].first;
      if (from > to) {
        bad("a range of characters the wrong way round");
        return {};
      }
      set.add(from, to);
    }
    return negated ? set.complement() : set;
  }

  CharSet class_member() {
    if (take('\\')) return escape(true);
    return CharSet::single(p_[at_++]);
  }

  Grammar& g_;
  const std::vector<uint32_t> p_;
  const RegexDialect dialect_;
  size_t at_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Result<ExprId> parse_regex(Grammar& grammar, std::string_view pattern, RegexDialect dialect,
                           bool search) {
  if (pattern.size() > Limits::kSource)
    return fail(Code::kResourceExhausted,
                fmt::format("the pattern is longer than {} bytes", Limits::kSource));
  std::vector<uint32_t> characters;
  if (!decode_utf8(pattern, characters))
    return fail(Code::kInvalidArgument, "the pattern is not UTF-8");
  ASSIGN_OR_RETURN(const ExprId parsed,
                   RegexParser(grammar, std::move(characters), dialect).parse());
  ASSIGN_OR_RETURN(const ExprId resolved, resolve_anchors(grammar, parsed, search));
  RETURN_IF_ERROR(grammar.status());
  return resolved;
}

}  // namespace holdfast::grammar
