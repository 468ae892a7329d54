// Masks over vocabularies, and answers that follow them.
#include <random>

#include <gtest/gtest.h>

#include "grammar_fixture.h"

namespace holdfast::grammar {
namespace {

// What the tokens of a real vocabulary look like: words with spaces, quotes within, pieces of
// characters, long runs.
std::vector<std::string> some_tokens() {
  std::vector<std::string> tokens{"{\"",
                                  "\":",
                                  "\": ",
                                  "\",",
                                  "\"}",
                                  "},",
                                  "  ",
                                  "\n",
                                  "\n\n",
                                  "\\n",
                                  "\\\"",
                                  "\\u0",
                                  "true",
                                  "fal",
                                  "null",
                                  "123",
                                  "\xe4\xbd",
                                  "\xa0\xe5",
                                  "你好",
                                  "é\"",
                                  "</think>",
                                  "<think>",
                                  "</",
                                  "think",
                                  ">\n",
                                  ">{",
                                  std::string(40, ' '),
                                  std::string(40, 'x'),
                                  "name",
                                  "\"name\"",
                                  "[[",
                                  "]]"};
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    std::string token(1 + random() % 7, ' ');
    for (char& c : token) c = "abcxyz 0123\"\\{}[]:,\n."[random() % 22];
    tokens.push_back(token);
  }
  return tokens;
}

struct Sampled {
  std::string text;
  bool ended = false;
};

// A model that says anything, held to the constraint. Every mask is checked against trying each
// token by itself.
Sampled follow(const std::shared_ptr<Constraint>& constraint, uint32_t seed, int most,
               ConstraintStart start = ConstraintStart::kNow) {
  const TokenTable& tokens = constraint->tokens();
  Matcher matcher(constraint, start);
  std::mt19937 random(seed);
  Sampled out;
  for (int i = 0; i < most && !matcher.complete(); ++i) {
    const auto mask = matcher.mask();
    EXPECT_TRUE(mask) << to_string(mask.error());
    if (!mask) return out;
    std::vector<int32_t> allowed;
    for (int32_t t = 0; t < tokens.size(); ++t) {
      if (allows(**mask, t)) allowed.push_back(t);
    }
    const int32_t token = allowed[random() % allowed.size()];
    if (token == tokens.ends()[0]) {
      out.ended = true;
      return out;
    }
    EXPECT_TRUE(matcher.accept(token));
    out.text += tokens.bytes(token);
  }
  out.ended = matcher.complete();
  return out;
}

constexpr std::pair<Notation, const char*> kGrammars[] = {
    {Notation::kJsonObject, ""},
    {Notation::kRegex, "([a-c]+ ){1,3}\\d{2,5}\\.?"},
    {Notation::kRegex, "[^\"]{0,20}\"x"},
    {Notation::kRegex, "(你好|é|.)*"},
    {Notation::kGbnf, "root ::= \"[\" root* \"]\" | [0-9]+"},
    {Notation::kChoice, "[\"name\", \"names of 123\", \"\\\"name\\\": true\"]"},
};

TEST(Matcher, MasksAreWhatTryingEveryTokenGives) {
  const auto tokens = byte_tokens(some_tokens());
  for (const auto& [notation, text] : kGrammars) {
    const auto constraint = make_constraint(notation, text, tokens).value();
    std::mt19937 random(7);
    for (int round = 0; round < 20; ++round) {
      Matcher matcher(constraint, ConstraintStart::kNow);
      std::string said;
      for (int i = 0; i < 12 && !matcher.complete(); ++i) {
        const auto mask = matcher.mask().value();
        std::vector<int32_t> allowed;
        for (int32_t t = 0; t < tokens->size(); ++t) {
          // Independent of states kept: the whole text again, from the start.
          bool expected = false;
          if (t == tokens->ends()[0]) {
            expected = constraint->matches(said).value();
          } else if (tokens->usable(t)) {
            expected = constraint->may_begin(said + std::string(tokens->bytes(t))).value();
          }
          ASSERT_EQ(allows(*mask, t), expected) << text << " after " << said << ": token " << t;
          if (expected && t != tokens->ends()[0]) allowed.push_back(t);
        }
        if (allowed.empty()) break;
        const int32_t token = allowed[random() % allowed.size()];
        ASSERT_TRUE(matcher.accept(token));
        said += tokens->bytes(token);
      }
    }
  }
}

TEST(Matcher, WhatEndsMatches) {
  const auto tokens = byte_tokens(some_tokens());
  for (const auto& [notation, text] : kGrammars) {
    const auto constraint = make_constraint(notation, text, tokens).value();
    int ended = 0;
    for (uint32_t seed = 0; seed < 60; ++seed) {
      const Sampled sampled = follow(constraint, seed, 60);
      ended += sampled.ended;
      EXPECT_EQ(sampled.ended, constraint->matches(sampled.text).value() && sampled.ended);
    }
    EXPECT_GT(ended, 0) << text;
  }
}

TEST(Matcher, ControlTokensAndPaddingAreNeverAllowed) {
  TokenTableInput input;
  input.bytes = {"a", "<tool>", "", "a"};
  input.special = {false, true, false, false};
  input.ends = {2};
  input.logits = 70;
  const auto tokens = std::make_shared<TokenTable>(std::move(input));
  const auto constraint = make_constraint(Notation::kRegex, ".*", tokens).value();
  Matcher matcher(constraint, ConstraintStart::kNow);
  const auto mask = matcher.mask().value();
  for (int32_t t = 0; t < 70; ++t) EXPECT_EQ(allows(*mask, t), t == 0 || t == 2 || t == 3) << t;
  EXPECT_FALSE(matcher.accept(1));
}

TEST(Matcher, AVocabularyThatCannotSpellIt) {
  TokenTableInput input;
  input.bytes = {"a", ""};
  input.ends = {1};
  const auto tokens = std::make_shared<TokenTable>(std::move(input));
  const auto constraint = make_constraint(Notation::kRegex, "b", tokens);
  ASSERT_FALSE(constraint);
  EXPECT_NE(constraint.error().message.find("cannot spell"), std::string::npos);
}

int32_t token_of(const TokenTable& tokens, std::string_view bytes) {
  for (int32_t t = tokens.size() - 1; t >= 0; --t) {
    if (tokens.bytes(t) == bytes) return t;
  }
  return -1;
}

TEST(Matcher, BeginsAfterTheThinking) {
  const auto tokens = byte_tokens(some_tokens(), true);
  const auto constraint = make_constraint(Notation::kRegex, "\\{x", tokens).value();
  const auto token = [&](std::string_view bytes) { return token_of(*tokens, bytes); };
  const int32_t end = tokens->ends()[0];

  // As one token, and as pieces; with what follows in the same token, or not.
  for (const auto& thoughts : {std::vector<std::string_view>{"name", "</think>"},
                               {"</", "</", "think", ">\n"},
                               {"<", "</", "think", ">{"}}) {
    Matcher matcher(constraint, ConstraintStart::kThinking);
    std::string text;
    for (const auto thought : thoughts) {
      EXPECT_FALSE(matcher.active());
      const auto mask = matcher.mask().value();
      EXPECT_TRUE(allows(*mask, token(thought))) << thought;
      EXPECT_FALSE(allows(*mask, end)) << "the answer is not there yet";
      EXPECT_TRUE(matcher.accept(token(thought)));
    }
    EXPECT_TRUE(matcher.active());
    if (thoughts.back() == ">{") {
      EXPECT_TRUE(matcher.accept('x'));
      EXPECT_TRUE(matcher.complete());
      continue;
    }
    const auto mask = matcher.mask().value();
    EXPECT_TRUE(allows(*mask, '{'));
    EXPECT_FALSE(allows(*mask, 'x'));
    EXPECT_TRUE(allows(*mask, token("\n\n")));
    EXPECT_TRUE(matcher.accept(token("\n\n")));
    EXPECT_FALSE(allows(*matcher.mask().value(), token("\n\n"))) << "once only";
    EXPECT_TRUE(matcher.accept('{'));
    EXPECT_TRUE(matcher.accept('x'));
    EXPECT_TRUE(matcher.complete());
  }

  // A token that closes and goes on wrongly.
  const auto other = make_constraint(Notation::kRegex, "x", tokens).value();
  Matcher matcher(other, ConstraintStart::kThinking);
  EXPECT_TRUE(allows(*matcher.mask().value(), token(">{")));
  EXPECT_TRUE(matcher.accept(token("</")));
  EXPECT_TRUE(matcher.accept(token("think")));
  EXPECT_FALSE(allows(*matcher.mask().value(), token(">{")));
  EXPECT_TRUE(allows(*matcher.mask().value(), token(">\n")));

  // An answer that may think first.
  Matcher may(other, ConstraintStart::kMayThink);
  EXPECT_TRUE(allows(*may.mask().value(), token("<think>")));
  EXPECT_TRUE(allows(*may.mask().value(), 'x'));
  EXPECT_FALSE(allows(*may.mask().value(), 'y'));
  EXPECT_TRUE(may.accept(token("<think>")));
  EXPECT_TRUE(allows(*may.mask().value(), 'y'));
  Matcher not_thinking(other, ConstraintStart::kMayThink);
  EXPECT_TRUE(not_thinking.accept('x'));
  EXPECT_TRUE(not_thinking.complete());
}

TEST(Matcher, ForgettingStatesChangesNothing) {
  const auto tokens = byte_tokens(some_tokens());
  const auto constraint = make_constraint(Notation::kRegex, "x{0,60000}y", tokens).value();
  Matcher early(constraint, ConstraintStart::kNow);
  ASSERT_TRUE(early.accept('x'));
  for (int round = 0; round < 3; ++round) {
    Matcher matcher(constraint, ConstraintStart::kNow);
    for (int i = 0; i < 20000; ++i) ASSERT_TRUE(matcher.accept('x'));
    ASSERT_TRUE(matcher.mask());
    EXPECT_LT(constraint->memory_bytes(), 64 << 20);
  }
  ASSERT_TRUE(early.accept('x'));
  ASSERT_TRUE(early.accept('y'));
  EXPECT_TRUE(early.complete());
}

}  // namespace
}  // namespace holdfast::grammar
