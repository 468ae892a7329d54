#include "grammar/compile.h"

#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "grammar/gbnf_parser.h"
#include "grammar/json_rules.h"
#include "grammar/regex_parser.h"
#include "grammar/schema_compiler.h"

namespace holdfast::grammar {

namespace {

Result<Grammar> read_choice(const std::string& text) {
  boost::json::error_code ec;
  const auto value = boost::json::parse(text, ec);
  const boost::json::array* words = ec ? nullptr : value.if_array();
  if (!words || words->empty())
    return fail(Code::kInvalidArgument, "a choice must be an array of one or more strings");
  Grammar grammar;
  std::vector<ExprId> ways;
  for (size_t i = 0; i < words->size(); ++i) {
    const boost::json::string* word = (*words)[i].if_string();
    if (!word)
      return fail(Code::kInvalidArgument, "a choice must hold strings only",
                  fmt::format("[{}]", i));
    ways.push_back(grammar.literal({word->data(), word->size()}));
  }
  grammar.root = grammar.choice(ways);
  return grammar;
}

Result<Grammar> read(const ConstraintSpec& spec) {
  if (spec.text.size() > Limits::kSource)
    return fail(Code::kResourceExhausted,
                fmt::format("it is longer than {} bytes", Limits::kSource));
  Grammar grammar;
  switch (spec.notation) {
    case Notation::kJsonObject:
      grammar.root = JsonRules(grammar).object();
      return grammar;
    case Notation::kJsonSchema:
      return compile_schema(spec.text, {.open_objects = spec.open_objects});
    case Notation::kRegex: {
      ASSIGN_OR_RETURN(grammar.root, parse_regex(grammar, spec.text, RegexDialect::kPython, false));
      return grammar;
    }
    case Notation::kGbnf:
      return parse_gbnf(spec.text);
    case Notation::kChoice:
      break;
  }
  return read_choice(spec.text);
}

}  // namespace

Result<Program> compile(const ConstraintSpec& spec) {
  ASSIGN_OR_RETURN(const Grammar grammar, read(spec));
  return Program::compile(grammar);
}

}  // namespace holdfast::grammar
