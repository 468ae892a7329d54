// What the fuzz targets of grammars share.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/check.h"
#include "grammar/compile.h"
#include "grammar/constraint.h"

namespace holdfast {

inline int fuzz_grammar(grammar::Notation notation, const uint8_t* data, size_t size) {
  using namespace grammar;
  static const auto tokens = [] {
    TokenTableInput input;
    for (int byte = 0; byte < 256; ++byte) input.bytes.emplace_back(1, static_cast<char>(byte));
    for (const char* word : {"{\"", "\": ", "ab", "abab", "\xe4\xbd", "123", "\\\"", "true"})
      input.bytes.emplace_back(word);
    input.bytes.emplace_back();
    input.ends = {static_cast<int32_t>(input.bytes.size()) - 1};
    return std::make_shared<const TokenTable>(std::move(input));
  }();
  auto program = compile({notation, std::string(reinterpret_cast<const char*>(data), size)});
  if (!program) {
    CHECK(!program.error().message.empty());
    return 0;
  }
  auto constraint = Constraint::create(std::move(*program), tokens);
  if (!constraint) return 0;
  Matcher matcher(*constraint, ConstraintStart::kNow);
  uint64_t random = size;
  for (int i = 0; i < 40 && !matcher.complete(); ++i) {
    const auto mask = matcher.mask();
    if (!mask) return 0;
    random = random * 6364136223846793005u + 1442695040888963407u;
    auto token = static_cast<int32_t>((random >> 33) % static_cast<uint64_t>(tokens->size()));
    while (!allows(**mask, token)) token = (token + 1) % tokens->size();
    if (token == tokens->ends()[0]) return 0;
    const Status taken = matcher.accept(token);
    CHECK(taken || taken.error().code == Code::kResourceExhausted) << taken.error().message;
  }
  return 0;
}

}  // namespace holdfast
