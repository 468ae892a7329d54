// GBNF, llama.cpp's notation for grammars.
#pragma once

#include <string_view>

#include "base/result.h"
#include "grammar/grammar.h"

namespace holdfast::grammar {

// The texts of rule `root`. Errors name the line.
Result<Grammar> parse_gbnf(std::string_view source);

}  // namespace holdfast::grammar
