// Pieces of reading a Hugging Face tokenizer.json, for the readers only.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

#include "base/result.h"
#include "text/model_tokenizer.h"

namespace holdfast::hf {

// A value with the path that leads to it, for messages.
struct Json {
  simdjson::dom::element value;
  std::string path;  // "tokenizer.json: model.merges[3]"

  bool is_null() const { return value.is_null(); }
  // The field, or nothing where it is absent or null.
  std::optional<Json> field(std::string_view key) const;
  Result<Json> required(std::string_view key) const;
  Result<std::string_view> string() const;  // valid as long as the parser
  Result<bool> boolean() const;
  Result<int64_t> integer() const;
  Result<std::vector<Json>> array() const;

  // A field with its default; wrong types are errors.
  Result<std::string_view> string_or(std::string_view key, std::string_view otherwise) const;
  Result<bool> boolean_or(std::string_view key, bool otherwise) const;
  std::string where() const;  // the path, or the file for the root
  // corrupt, with this path.
  tl::unexpected<Error> wrong(std::string message) const;
  tl::unexpected<Error> unsupported(std::string message) const;
};

// corrupt naming `file` for text that is no JSON object. The parser keeps the values.
Result<Json> parse(simdjson::dom::parser& parser, std::string_view text, std::string_view file);

// What the steps around the model say.
struct Steps {
  std::vector<NormalizerStep> normalizer;
  std::vector<SplitStep> splits;
  bool byte_level = false;            // tokens are spelled in GPT-2's alphabet
  bool meta_space = false;            // U+2581 is decoded to a space
  bool strips_leading_space = false;  // when decoding
  std::optional<std::string> bos;     // the token a template puts in front
  std::optional<std::string> sep;     // and behind
  bool word_pieces = false;           // the decoder is WordPiece's
  bool bert_pairs = false;            // see TokenizerParts
};

// unimplemented naming the first type or option outside of what we do exactly.
Result<Steps> read_steps(const Json& root);

// tokenizer_config.json and generation_config.json (empty: absent): which tokens begin and end.
Status read_configs(const TokenizerData& data, const Steps& steps, TokenizerParts& parts);

}  // namespace holdfast::hf
