// What tokenizer.json, tokenizer_config.json and generation_config.json may say, and what is
// refused.

#include <gtest/gtest.h>

#include "text/tokenizer.h"

namespace holdfast {
namespace {

// A byte-level tokenizer of three letters, with places to put things into.
std::string json(std::string_view extra = "", std::string_view model = "",
                 std::string_view vocab = R"("a":0,"b":1,"ab":2,"c":3)",
                 std::string_view merges = R"(["a b"])") {
  std::string out = R"({"added_tokens":[{"id":4,"content":"<s>","special":true},)"
                    R"({"id":5,"content":"</s>","special":true}],)"
                    R"("pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},)"
                    R"("decoder":{"type":"ByteLevel"},)";
  out += extra;
  out += R"("model":{"type":"BPE",)";
  out += model;
  out += R"("vocab":{)" + std::string(vocab) + R"(},"merges":)" + std::string(merges) + "}}";
  return out;
}

Error error_of(std::string text, std::string config = "", std::string generation = "") {
  TokenizerData data;
  data.tokenizer_json = std::move(text);
  data.tokenizer_config_json = std::move(config);
  data.generation_config_json = std::move(generation);
  const auto tokenizer = Tokenizer::create(data);
  EXPECT_FALSE(tokenizer.has_value()) << data.tokenizer_json;
  return tokenizer ? Error{} : tokenizer.error();
}

std::unique_ptr<Tokenizer> make(std::string text, std::string config = "",
                                std::string generation = "") {
  TokenizerData data;
  data.tokenizer_json = std::move(text);
  data.tokenizer_config_json = std::move(config);
  data.generation_config_json = std::move(generation);
  auto tokenizer = Tokenizer::create(data);
  EXPECT_TRUE(tokenizer.has_value()) << to_string(tokenizer.error());
  return std::move(*tokenizer);
}

TEST(TokenizerJson, Configs) {
  const auto plain = make(json());
  EXPECT_FALSE(plain->bos().has_value());
  EXPECT_FALSE(plain->adds_bos());

  const auto named = make(json(),
                          R"({"bos_token":"<s>","eos_token":{"content":"</s>"},)"
                          R"("add_bos_token":true})",
                          R"({"eos_token_id":[5,3]})");
  EXPECT_EQ(named->bos(), 4);
  EXPECT_EQ(named->eos(), 5);
  EXPECT_TRUE(named->adds_bos());
  EXPECT_TRUE(named->is_end_of_generation(5));
  EXPECT_TRUE(named->is_end_of_generation(3));
  EXPECT_FALSE(named->is_end_of_generation(4));

  constexpr const char* kTemplate =
      R"("post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>",)"
      R"("type_id":0}},{"Sequence":{"id":"A","type_id":0}}]},)";
  EXPECT_TRUE(make(json(kTemplate))->adds_bos());
  EXPECT_EQ(make(json(kTemplate))->bos(), 4);
  EXPECT_FALSE(make(json(kTemplate), R"({"add_bos_token":false,"bos_token":null})")->adds_bos());
}

TEST(TokenizerJson, WhatWeLackIsRefusedByName) {
  const auto refused = [](std::string text, std::string_view name) {
    const Error error = error_of(std::move(text));
    EXPECT_EQ(error.code, Code::kUnimplemented);
    EXPECT_NE((error.message + error.where).find(name), std::string::npos) << to_string(error);
  };
  refused(json(R"("normalizer":{"type":"NFKC"},)"), "NFKC");
  refused(
      json(
          R"("normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Lowercase"}]},)"),
      "normalizers[1]");
  refused(R"({"pre_tokenizer":{"type":"Whitespace"},"model":{"vocab":{},"merges":[]}})",
          "Whitespace");
  refused(R"({"model":{"type":"Unigram","vocab":{},"merges":[]},"decoder":{"type":"Fuse"}})",
          "Unigram");
  refused(json("", R"("dropout":0.1,)"), "dropout");
  refused(json("", R"("end_of_word_suffix":"</w>",)"), "end_of_word_suffix");
  refused(json(R"("post_processor":{"type":"RobertaProcessing"},)"), "RobertaProcessing");
  refused(
      R"({"pre_tokenizer":{"type":"Split","pattern":{"Regex":"\\bword"},"behavior":"Isolated"},)"
      R"("decoder":{"type":"Fuse"},"model":{"vocab":{},"merges":[]}})",
      "\\b");
  refused(R"({"decoder":{"type":"WordPiece"},"model":{"vocab":{},"merges":[]}})", "WordPiece");
  refused(R"({"model":{"vocab":{"a":0},"merges":[]}})", "decoder");
}

TEST(TokenizerJson, WhatIsWrongIsNamedByItsPath) {
  const auto corrupt = [](const Error& error, std::string_view where) {
    EXPECT_EQ(error.code, Code::kCorrupt) << to_string(error);
    EXPECT_NE(error.where.find(where), std::string::npos) << to_string(error);
  };
  corrupt(error_of("{"), "tokenizer.json");
  corrupt(error_of("[]"), "tokenizer.json");
  corrupt(error_of("{}"), "tokenizer.json");
  corrupt(error_of(json("", "", R"("a":0,"b":0)")), "model.vocab");
  corrupt(error_of(json("", "", R"("a":-1)")), "model.vocab");
  corrupt(error_of(json("", "", R"("a":1000000000)")), "model.vocab");
  corrupt(error_of(json("", "", R"("a":"x")")), "model.vocab");
  corrupt(error_of(json("", "", R"("a":0)", R"(["a x"])")), "model.merges");
  corrupt(error_of(json("", "", R"("a":0)", R"([["a"]])")), "model.merges");
  corrupt(error_of(json("", "", R"("a":0)", R"([7])")), "model.merges");
  corrupt(error_of(json("", R"("unk_token":"?",)")), "model.unk_token");
  corrupt(error_of(json(), R"({"bos_token":"<x>"})"), "tokenizer_config.json: bos_token");
  corrupt(error_of(json(), "", R"({"eos_token_id":[1,99]})"),
          "generation_config.json: eos_token_id[1]");
}

}  // namespace
}  // namespace holdfast
