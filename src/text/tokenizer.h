// Text to token ids and back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "files/model_file.h"

namespace holdfast {

enum class Special {
  kAsText,  // user text that spells a special token stays text
  kParse,   // special tokens in the text become their ids (templates, completions prompts by
            // request)
};

// A text made of parts we wrote (the template) and parts somebody else wrote (user input): only the
// former may become special tokens.
struct TextPart {
  std::string text;
  bool trusted = false;
};

// Thread-safe: const after creation.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // From GGUF arrays or tokenizer.json. corrupt, or unimplemented naming the pre-tokenizer or model
  // it lacks.
  static Result<std::unique_ptr<Tokenizer>> create(const TokenizerData& data);

  // Bytes that are not UTF-8 are encoded as Hugging Face tokenizers encodes them after Python's
  // decode("utf-8", "replace").
  virtual std::vector<int32_t> encode(std::string_view text, Special special,
                                      bool add_bos) const = 0;
  // As if the parts were one text, except for the special tokens: the words at their edges merge.
  // (The default, for tokenizers that are not ours, joins what each part alone gives.)
  virtual std::vector<int32_t> encode(std::span<const TextPart> parts, bool add_bos) const;

  // The bytes of one token, which may end within a character; control tokens give their spelling
  // only with Special::kParse, else nothing, as do ids outside the vocabulary.
  virtual std::string piece(int32_t token, Special special = Special::kAsText) const = 0;
  // The pieces of all tokens, without the space that SentencePiece puts in front of a text.
  std::string decode(std::span<const int32_t> tokens, Special special = Special::kAsText) const;

  virtual int32_t vocab_size() const = 0;
  virtual std::optional<int32_t> bos() const = 0;
  virtual std::optional<int32_t> eos() const = 0;
  virtual bool adds_bos() const = 0;  // the model wants BOS in front of a raw prompt
  // What an embedding model reads behind a text (BERT's [SEP]), and whether two texts may be read
  // together, as BOS first SEP second SEP.
  virtual std::optional<int32_t> sep() const { return std::nullopt; }
  virtual bool joins_pairs() const { return false; }
  virtual bool is_end_of_generation(int32_t token) const = 0;
  // Ordinary text: no control token, none that marks structure (<think>), no padding.
  virtual bool is_text(int32_t token) const = 0;
  virtual std::optional<int32_t> find(
      std::string_view token) const = 0;  // a token by the exact bytes it stands for

 protected:
  virtual bool strips_leading_space() const { return false; }
};

}  // namespace holdfast
