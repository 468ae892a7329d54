// Shared by the tests of grammars: from a text to yes or no.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grammar/compile.h"
#include "grammar/constraint.h"

namespace holdfast::grammar {

// A vocabulary of single bytes, and of what `more` names; the last token ends answers.
inline std::shared_ptr<const TokenTable> byte_tokens(std::vector<std::string> more = {},
                                                     bool thinking = false) {
  TokenTableInput input;
  for (int byte = 0; byte < 256; ++byte) input.bytes.emplace_back(1, static_cast<char>(byte));
  for (std::string& token : more) {
    input.special.resize(input.bytes.size());
    input.special.push_back(token.starts_with('<'));
    input.bytes.push_back(std::move(token));
  }
  input.bytes.emplace_back();
  input.ends = {static_cast<int32_t>(input.bytes.size()) - 1};
  if (thinking) input.think_open = "<think>", input.think_close = "</think>";
  return std::make_shared<TokenTable>(std::move(input));
}

inline Result<std::shared_ptr<Constraint>> make_constraint(
    Notation notation, std::string text, std::shared_ptr<const TokenTable> tokens = byte_tokens()) {
  ASSIGN_OR_RETURN(auto program, compile({notation, std::move(text)}));
  return Constraint::create(std::move(program), std::move(tokens));
}

inline bool matches(Constraint& constraint, std::string_view text) {
  return constraint.matches(text).value();
}

inline std::string error_of(Notation notation, std::string text) {
  const auto constraint = make_constraint(notation, std::move(text));
  return constraint ? std::string("accepted") : to_string(constraint.error());
}

}  // namespace holdfast::grammar
