#include "grammar/json_rules.h"

#include <charconv>
#include <cmath>
#include <vector>

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "grammar/program.h"
#include "grammar/utf8_ranges.h"

namespace holdfast::grammar {

namespace {

constexpr int32_t kMostIndent = 32;

// JSON's spelling of a character that a string cannot hold as it is; else empty.
std::string escape_of(uint32_t c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return c < 0x20 ? fmt::format("\\u{:04x}", c) : std::string();
  }
}

}  // namespace

template <class Make>
ExprId JsonRules::shared(const std::string& name, Make make) {
  const auto [at, added] = rules_.try_emplace(name, 0);
  if (added) {
    const RuleId rule = g_.add_rule(name);
    at->second = rule;
    g_.set_body(rule, make());
  }
  return g_.rule(at->second);
}

ExprId JsonRules::space() {
  return shared("space", [&] {
    const ExprId indent = g_.repeat(g_.literal(" "), 0, kMostIndent);
    return g_.choice({g_.empty(), g_.literal(" "), g_.sequence({g_.literal("\n"), indent})});
  });
}

ExprId JsonRules::comma() { return g_.sequence({g_.literal(","), space()}); }

ExprId JsonRules::member(ExprId key, ExprId value) {
  return g_.sequence({key, g_.literal(":"), space(), value});
}

ExprId JsonRules::character() {
  return shared("character", [&] {
    const ExprId hex = g_.chars(CharSet({{'0', '9'}, {'A', 'F'}, {'a', 'f'}}));
    const ExprId no_surrogate = g_.choice(
        {g_.sequence(
             {g_.chars(CharSet({{'0', '9'}, {'A', 'C'}, {'E', 'F'}, {'a', 'c'}, {'e', 'f'}})), hex,
              hex, hex}),
         g_.sequence({g_.chars(CharSet({{'D', 'D'}, {'d', 'd'}})), g_.chars(CharSet({{'0', '7'}})),
                      hex, hex})});
    const ExprId pair =
        g_.sequence({g_.chars(CharSet({{'D', 'D'}, {'d', 'd'}})),
                     g_.chars(CharSet({{'8', '9'}, {'A', 'B'}, {'a', 'b'}})), hex, hex,
                     g_.literal("\\u"), g_.chars(CharSet({{'D', 'D'}, {'d', 'd'}})),
                     g_.chars(CharSet({{'C', 'F'}, {'c', 'f'}})), hex, hex});
    CharSet simple;
    for (const char c : std::string_view("\"\\/bfnrt")) simple.add(c, c);
    return g_.sequence(
        {g_.literal("\\"),
         g_.choice(
             {g_.chars(simple), g_.sequence({g_.literal("u"), g_.choice({no_surrogate, pair})})})});
  });
}

ExprId JsonRules::string() {
  return shared("string", [&] {
    const ExprId one = g_.choice({g_.chars(plain_characters()), character()});
    return quoted(g_.repeat(one, 0, kNoLimit));
  });
}

ExprId JsonRules::integer() {
  return shared("integer", [&] {
    const ExprId digits = g_.repeat(g_.chars(CharSet({{'0', '9'}})), 0, kNoLimit);
    return g_.sequence(
        {g_.optional(g_.literal("-")),
         g_.choice({g_.literal("0"), g_.sequence({g_.chars(CharSet({{'1', '9'}})), digits})})});
  });
}

ExprId JsonRules::number() {
  return shared("number", [&] {
    const ExprId digits = g_.repeat(g_.chars(CharSet({{'0', '9'}})), 1, kNoLimit);
    const ExprId sign = g_.chars(CharSet({{'+', '+'}, {'-', '-'}}));
    const ExprId e = g_.chars(CharSet({{'E', 'E'}, {'e', 'e'}}));
    return g_.sequence({integer(), g_.optional(g_.sequence({g_.literal("."), digits})),
                        g_.optional(g_.sequence({e, g_.optional(sign), digits}))});
  });
}

ExprId JsonRules::object() {
  return shared("object", [&] {
    const ExprId one = member(string(), value());
    const ExprId more = g_.repeat(g_.sequence({comma(), one}), 0, kNoLimit);
    return g_.sequence({g_.literal("{"), space(), g_.optional(g_.sequence({one, more, space()})),
                        g_.literal("}")});
  });
}

ExprId JsonRules::array() {
  return shared("array", [&] {
    const ExprId more = g_.repeat(g_.sequence({comma(), value()}), 0, kNoLimit);
    return g_.sequence({g_.literal("["), space(),
                        g_.optional(g_.sequence({value(), more, space()})), g_.literal("]")});
  });
}

ExprId JsonRules::value() {
  return shared("value", [&] {
    return g_.choice({object(), array(), string(), number(), g_.literal("true"),
                      g_.literal("false"), g_.literal("null")});
  });
}

ExprId JsonRules::spelled(const CharSet& set) {
  if (const auto known = spelled_.find(set); known != spelled_.end()) return known->second;
  std::vector<ExprId> ways{g_.chars(set.intersection(plain_characters()))};
  for (uint32_t c = 0; c <= '\\'; ++c) {
    if (!set.contains(c)) continue;
    if (const std::string escape = escape_of(c); !escape.empty())
      ways.push_back(g_.literal(escape));
  }
  return spelled_[set] = g_.choice(ways);
}

ExprId JsonRules::spelled_text(ExprId raw) {
  const Expr e = g_.expr(raw);  // a copy: new expressions move the old ones
  switch (e.kind) {
    case ExprKind::kLiteral:
      return g_.literal(string_text(std::string(g_.bytes(e))));
    case ExprKind::kChars:
      return spelled(CharSet(g_.set(e)));
    case ExprKind::kRepeat:
      return g_.repeat(spelled_text(e.a), e.b, e.max);
    case ExprKind::kSequence:
    case ExprKind::kChoice: {
      const auto children = g_.children(e);
      std::vector<ExprId> parts(children.begin(), children.end());
      for (ExprId& part : parts) part = spelled_text(part);
      return e.kind == ExprKind::kChoice ? g_.choice(parts) : g_.sequence(parts);
    }
    default:
      return raw;
  }
}

ExprId JsonRules::text(ExprId raw) { return quoted(spelled_text(raw)); }

ExprId JsonRules::constant(std::string_view string) {
  return g_.literal('"' + string_text(string) + '"');
}

ExprId JsonRules::constant(const boost::json::value& value) {
  if (value.is_null()) return g_.literal("null");
  if (value.is_bool()) return g_.literal(value.get_bool() ? "true" : "false");
  if (value.is_number()) return g_.literal(number_text(value));
  if (value.is_string())
    return constant(std::string_view(value.get_string().data(), value.get_string().size()));
  std::vector<ExprId> parts;
  const bool is_array = value.is_array();
  parts.push_back(g_.literal(is_array ? "[" : "{"));
  parts.push_back(space());
  if (is_array) {
    for (const auto& element : value.get_array()) {
      if (parts.size() > 2) parts.push_back(comma());
      parts.push_back(constant(element));
    }
  } else {
    for (const auto& [key, element] : value.get_object()) {
      if (parts.size() > 2) parts.push_back(comma());
      parts.push_back(
          member(constant(std::string_view(key.data(), key.size())), constant(element)));
    }
  }
  if (parts.size() > 2) parts.push_back(space());
  parts.push_back(g_.literal(is_array ? "]" : "}"));
  return g_.sequence(parts);
}

std::string string_text(std::string_view string) {
  std::string out;
  for (const char c : string) {
    const auto byte = static_cast<uint8_t>(c);
    const std::string escape = byte < 0x80 ? escape_of(byte) : std::string();
    escape.empty() ? out.push_back(c) : static_cast<void>(out += escape);
  }
  return out;
}

std::string number_text(const boost::json::value& number) {
  if (number.is_int64()) return fmt::format("{}", number.get_int64());
  if (number.is_uint64()) return fmt::format("{}", number.get_uint64());
  const double x = number.get_double();
  if (x == 0) return "0";
  char buffer[400];
  const bool plain = std::abs(x) >= 1e-7 && std::abs(x) < 1e21;
  const auto end = plain
                       ? std::to_chars(buffer, buffer + sizeof buffer, x, std::chars_format::fixed)
                       : std::to_chars(buffer, buffer + sizeof buffer, x);
  return std::string(buffer, end.ptr);
}

}  // namespace holdfast::grammar
