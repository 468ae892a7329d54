// JSON as rules of a grammar.
//
// White space: after '{', '[', ',' and ':' and before '}' and ']' there may be one space, or one
// line break with up to 32 spaces; nowhere else. So texts may be compact, in one line or indented,
// and a model cannot lose itself in white space.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/fwd.hpp>

#include "grammar/grammar.h"

namespace holdfast::grammar {

class JsonRules {
 public:
  explicit JsonRules(Grammar& grammar) : g_(grammar) {}

  ExprId space();
  ExprId value();   // any
  ExprId object();  // any
  ExprId array();   // any
  ExprId string();  // any, with all escapes that spell whole characters
  ExprId number();
  ExprId integer();  // without fraction or exponent
  // One character within a string, in any spelling.
  ExprId character();
  // One character of `set`, within a string, in its shortest spelling.
  ExprId spelled(const CharSet& set);
  // The texts of a regular expression, as JSON strings in their shortest spelling.
  ExprId text(ExprId raw);
  ExprId quoted(ExprId within) { return g_.sequence({quote(), within, quote()}); }
  ExprId member(ExprId key, ExprId value);  // both as they are written
  ExprId comma();
  // Exactly this value: numbers and strings in their shortest spelling, members in this order.
  ExprId constant(const boost::json::value& value);
  ExprId constant(std::string_view string);

 private:
  ExprId quote() { return g_.literal("\""); }
  ExprId spelled_text(ExprId raw);
  // The rule `name`, made by `make` at its first use.
  template <class Make>
  ExprId shared(const std::string& name, Make make);

  Grammar& g_;
  std::map<std::string, RuleId> rules_;
  std::map<CharSet, ExprId> spelled_;
};

// A number as JSON writes it, without an exponent where its digits allow: "1", "-0.25".
std::string number_text(const boost::json::value& number);
// A string in its shortest spelling, without quotes.
std::string string_text(std::string_view string);

}  // namespace holdfast::grammar
