#include "grammar/gbnf_parser.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "grammar/utf8_ranges.h"

namespace holdfast::grammar {

namespace {

bool is_name(uint32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

class GbnfParser {
 public:
  explicit GbnfParser(std::vector<uint32_t> source) : p_(std::move(source)) {}

  Result<Grammar> parse() {
    skip_space(true);
    while (at_ < p_.size() && !error_ && !g_.error()) {
      definition();
      skip_space(true);
    }
    if (error_) return holdfast::fail(*error_);
    RETURN_IF_ERROR(g_.status());
    for (const auto& [name, rule] : rules_) {
      if (!rule.defined)
        return holdfast::fail(Code::kInvalidArgument, fmt::format("rule '{}' is not defined", name),
                              fmt::format("line {}", rule.line));
    }
    const auto root = rules_.find("root");
    if (root == rules_.end())
      return holdfast::fail(Code::kInvalidArgument, "there is no rule 'root'", "",
                            "name the rule of a whole text root");
    g_.root = g_.rule(root->second.id);
    RETURN_IF_ERROR(g_.status());
    return std::move(g_);
  }

 private:
  struct Rule {
    RuleId id = 0;
    bool defined = false;
    size_t line = 0;
  };

  static constexpr uint32_t kNone = 0xFFFFFFFF;
  uint32_t peek(size_t ahead = 0) const {
    return at_ + ahead < p_.size() ? p_[at_ + ahead] : kNone;
  }
  bool take(uint32_t c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  // Counted on from where it was asked for last.
  size_t line() {
    const size_t here = std::min(at_, p_.size());
    for (; counted_ < here; ++counted_) line_ += p_[counted_] == '\n';
    return line_;
  }
  ExprId stop(Code code, std::string message) {
    if (!error_) error_ = Error{code, std::move(message), fmt::format("line {}", line()), {}};
    at_ = p_.size();
    return g_.nothing();
  }
  ExprId bad(std::string message) { return stop(Code::kInvalidArgument, std::move(message)); }

  void skip_space(bool lines) {
    while (true) {
      const uint32_t c = peek();
      if (c == '#') {
        while (at_ < p_.size() && peek() != '\n' && peek() != '\r') ++at_;
      } else if (c == ' ' || c == '\t' || (lines && (c == '\n' || c == '\r'))) {
        ++at_;
      } else {
        return;
      }
    }
  }

  std::string name() {
    std::string out;
    while (is_name(peek())) out += static_cast<char>(p_[at_++]);
    return out;
  }

  Rule& rule_named(const std::string& name) {
    auto [at, added] = rules_.try_emplace(name);
    if (added) {
      at->second.id = g_.add_rule(name);
      at->second.line = line();
    }
    return at->second;
  }

  void definition() {
    const std::string rule_name = name();
    if (rule_name.empty()) return void(bad("a rule's name was expected"));
    skip_space(false);
    if (!(take(':') && take(':') && take('=')))
      return void(bad(fmt::format("'::=' was expected after '{}'", rule_name)));
    skip_space(true);
    Rule& rule = rule_named(rule_name);
    if (rule.defined) return void(bad(fmt::format("rule '{}' is defined twice", rule_name)));
    rule.defined = true;
    const RuleId id = rule.id;
    const ExprId body = alternatives(0);
    if (error_) return;
    if (at_ < p_.size() && peek() != '\n' && peek() != '\r')
      return void(bad("the end of the line was expected"));
    g_.set_body(id, body);
  }

  ExprId alternatives(int depth) {
    if (depth > Limits::kDepth)
      return stop(Code::kResourceExhausted,
                  fmt::format("parentheses nested deeper than {}", Limits::kDepth));
    std::vector<ExprId> all;
    while (true) {
      all.push_back(sequence(depth));
      if (error_ || !take('|')) break;
      skip_space(true);
    }
    return g_.choice(all);
  }

  ExprId sequence(int depth) {
    std::vector<ExprId> parts;
    while (!error_ && !g_.error()) {
      const uint32_t c = peek();
      ExprId part;
      if (c == '"') {
        part = literal();
      } else if (c == '[') {
        part = char_class();
      } else if (c == '.') {
        ++at_;
        part = g_.chars(CharSet::all());
      } else if (c == '(') {
        ++at_;
        skip_space(true);
        part = alternatives(depth + 1);
        if (!error_ && !take(')')) part = bad("a '(' without its ')'");
      } else if (is_name(c)) {
        part = g_.rule(rule_named(name()).id);
      } else if (c == '<' || c == '!') {
        part = stop(Code::kUnimplemented, "tokens by number or name (<...>) in a grammar");
      } else {
        break;
      }
      if (error_) break;
      skip_space(depth > 0);
      parts.push_back(repeated(part, depth));
    }
    return g_.sequence(parts);
  }

  ExprId repeated(ExprId part, int depth) {
    while (!error_) {
      int32_t min, max = kNoLimit;
      if (take('*')) {
        min = 0;
      } else if (take('+')) {
        min = 1;
      } else if (take('?')) {
        min = 0, max = 1;
      } else if (take('{')) {
        skip_space(depth > 0);
        const auto low = number();
        skip_space(depth > 0);
        min = low.value_or(0);
        max = min;
        if (take(',')) {
          skip_space(depth > 0);
          max = number().value_or(kNoLimit);
          skip_space(depth > 0);
        } else if (!low) {
          return bad("a repetition without a number");
        }
        if (!take('}')) return bad("a '{' without its '}'");
        if (max != kNoLimit && max < min)
          return bad("a repetition whose bounds are the wrong way round");
      } else {
        break;
      }
      if (min > Limits::kRepeat || max > Limits::kRepeat)
        return stop(Code::kResourceExhausted,
                    fmt::format("a repetition of more than {}", Limits::kRepeat));
      part = g_.repeat(part, min, max);
      skip_space(depth > 0);
    }
    return part;
  }

  std::optional<int32_t> number() {
    if (!(peek() >= '0' && peek() <= '9')) return std::nullopt;
    int32_t n = 0;
    while (peek() >= '0' && peek() <= '9')
      n = std::min<int32_t>(n, 10'000'000) * 10 + static_cast<int32_t>(p_[at_++] - '0');
    return n;
  }

  ExprId literal() {
    ++at_;
    std::string text;
    while (peek() != '"') {
      if (peek() == kNone) return bad("a literal without its closing quote");
      append_utf8(character(), text);
      if (error_) return g_.nothing();
    }
    ++at_;
    return g_.literal(text);
  }

  ExprId char_class() {
    ++at_;
    const bool negated = take('^');
    CharSet set;
    while (peek() != ']') {
      if (peek() == kNone) return bad("a '[' without its ']'");
      const uint32_t first = character();
      uint32_t last = first;
      if (peek() == '-' && peek(1) != ']') {
        ++at_;
        if (peek() == kNone) return bad("a '[' without its ']'");
        last = character();
      }
      if (error_) return g_.nothing();
      if (last < first) return bad("a range of characters the wrong way round");
      set.add(first, last);
    }
    ++at_;
    return g_.chars(negated ? set.complement() : set);
  }

  uint32_t character() {
    const uint32_t c = p_[at_++];
    if (c != '\\') return c;
    const uint32_t escape = peek();
    if (escape != kNone) ++at_;
    switch (escape) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case '\\':
      case '"':
      case '[':
      case ']':
      case '-':
      case '^':
      case '/':
      case '\'':
        return escape;
      case 'x':
        return hex(2);
      case 'u':
        return hex(4);
      case 'U':
        return hex(8);
      default:
        bad("an escape that is not known");
        return 0;
    }
  }

  uint32_t hex(int count) {
    uint32_t value = 0;
    for (int i = 0; i < count; ++i) {
      const uint32_t c = peek();
      const bool digit = c >= '0' && c <= '9';
      if (!digit && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F')) {
        bad("an escape with too few hexadecimal digits");
        return 0;
      }
      ++at_;
      value = value * 16 + (digit ? c - '0' : (c | 32) - 'a' + 10);
    }
    if (value > kLastCodePoint || (value >= 0xD800 && value <= 0xDFFF))
      bad("an escape that is no character");
    return value;
  }

  const std::vector<uint32_t> p_;
  size_t at_ = 0;
  size_t counted_ = 0, line_ = 1;
  Grammar g_;
  std::map<std::string, Rule> rules_;
  std::optional<Error> error_;
};

}  // namespace

Result<Grammar> parse_gbnf(std::string_view source) {
  if (source.size() > Limits::kSource)
    return fail(Code::kResourceExhausted,
                fmt::format("the grammar is longer than {} bytes", Limits::kSource));
  std::vector<uint32_t> characters;
  if (!decode_utf8(source, characters))
    return fail(Code::kInvalidArgument, "the grammar is not UTF-8");
  return GbnfParser(std::move(characters)).parse();
}

}  // namespace holdfast::grammar
