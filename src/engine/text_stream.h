// A TextStream over an engine's Stream.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/served_model.h"
#include "engine/text_assembler.h"
#include "text/token_bytes.h"

namespace holdfast {

// What turns tokens into text; shared by a model and its streams.
class TokenText {
 public:
  // `marks`: of tool calls.
  explicit TokenText(std::unique_ptr<Tokenizer> tokenizer,
                     const std::vector<std::string>& marks = {});
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  // The bytes a token adds to an answer: nothing for control tokens, except the thinking tags,
  // which some vocabularies count among them; nothing for ids beyond the tokenizer (padding rows
  // of a model).
  std::string piece(int32_t token) const;
  // And with the marks of tool calls.
  std::string piece_with_marks(int32_t token) const;
  bool has_thinking_tags() const { return think_ || end_think_; }
  // The pieces of all tokens. Made when somebody first asks.
  std::shared_ptr<const TokenBytes> all_pieces() const;

 private:
  std::unique_ptr<Tokenizer> tokenizer_;
  std::optional<int32_t> think_, end_think_;
  std::vector<int32_t> marks_;
  mutable std::once_flag made_;
  mutable std::shared_ptr<const TokenBytes> all_;
};

struct TextStreamStart {
  std::unique_ptr<Stream> stream;
  std::shared_ptr<const TokenText> text;
  AssemblerOptions assembler;
  int32_t prompt_tokens = 0;
  uint64_t seed = 0;
  bool logprobs = false;
  std::string echo;  // comes out first
};

std::unique_ptr<TextStream> make_text_stream(TextStreamStart start);

}  // namespace holdfast
