// Template source to tokens, with Jinja's rules for whitespace as Hugging Face sets them
// (trim_blocks, lstrip_blocks, no trailing newline kept).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::jinja {

struct Token {
  enum class Type {
    kData,  // text between tags, whitespace control already applied
    kVariableBegin,
    kVariableEnd,
    kBlockBegin,
    kBlockEnd,
    kName,
    kString,   // `text` is what it means, escapes resolved
    kInteger,  // `integer`
    kFloat,    // `number`
    kOperator,
    kEnd,
  };
  Type type = Type::kEnd;
  std::string text;
  int line = 1;
  int64_t integer = 0;
  double number = 0;

  bool is(Type other) const { return type == other; }
  bool is_operator(std::string_view op) const { return type == Type::kOperator && text == op; }
  bool is_name(std::string_view name) const { return type == Type::kName && text == name; }
};

// The error of a template that is broken or outside our subset, and its line.
tl::unexpected<Error> syntax_error(std::string message, int line);
tl::unexpected<Error> not_in_subset(std::string message, int line);

// Ends with a kEnd token. Comments are gone; raw blocks are data.
Result<std::vector<Token>> tokenize(std::string_view source);

}  // namespace holdfast::jinja
