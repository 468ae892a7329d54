// The one Tokenizer there is: added tokens, normalizer, pre-tokenizer and word encoder in a row.
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "text/added_tokens.h"
#include "text/normalizer.h"
#include "text/pretokenizer.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"
#include "text/word_encoder.h"

namespace holdfast {

enum class TokenKind : uint8_t {
  kNormal,
  kControl,  // says something about the text: <s>, <|im_end|>, <unk>
  kAdded,    // text that is matched as a whole: <think>
  kUnused,   // padding of the vocabulary; text never becomes it
};

// What readers of GGUF and tokenizer.json fill in.
struct TokenizerParts {
  // By id, the bytes that a token stands for (SentencePiece: with U+2581 for spaces). Readers index
  // what the word encoder may look up.
  std::unique_ptr<Vocabulary> vocabulary;  // where it lies must not change: the encoder keeps it
  std::vector<TokenKind> kinds;            // by id
  std::vector<AddedToken> added;
  Normalizer normalizer;
  PreTokenizer pretokenizer{{}};
  std::unique_ptr<WordEncoder> encoder;
  bool meta_space = false;            // U+2581 in a spelling is a space
  bool strips_leading_space = false;  // decoding drops the space that encoding put in front
  std::optional<int32_t> bos, eos;
  bool adds_bos = false;
  std::optional<int32_t> sep;  // stands behind a text that an embedding model reads
  bool bert_pairs = false;     // two texts read together: BOS first SEP second SEP
  std::set<int32_t> end_of_generation;
};

class ModelTokenizer final : public Tokenizer {
 public:
  explicit ModelTokenizer(TokenizerParts parts);

  std::vector<int32_t> encode(std::string_view text, Special special, bool add_bos) const override;
  std::vector<int32_t> encode(std::span<const TextPart> parts, bool add_bos) const override;
  std::string piece(int32_t token, Special special) const override;
  int32_t vocab_size() const override { return parts_.vocabulary->size(); }
  std::optional<int32_t> bos() const override { return parts_.bos; }
  std::optional<int32_t> eos() const override { return parts_.eos; }
  bool adds_bos() const override { return parts_.adds_bos; }
  std::optional<int32_t> sep() const override { return parts_.sep; }
  bool joins_pairs() const override { return parts_.bert_pairs; }
  bool is_end_of_generation(int32_t token) const override;
  bool is_text(int32_t token) const override;
  std::optional<int32_t> find(std::string_view token) const override;

 protected:
  bool strips_leading_space() const override { return parts_.strips_leading_space; }

 private:
  struct Region;
  std::vector<int32_t> encode_regions(std::string_view text, std::span<const Region> regions,
                                      bool add_bos) const;
  void encode_segment(std::string_view text, bool at_start, std::vector<int32_t>& out) const;

  TokenizerParts parts_;
  AddedTokenMatcher trusted_;     // in text that we wrote
  AddedTokenMatcher untrusted_;   // in anybody's text
  AddedTokenMatcher normalized_;  // in normalized text
};

// Adds what every model of the R1 family ends an answer with, where `parts` has such control
// tokens: <|im_end|>, <|eot_id|>, ...
void add_known_end_tokens(TokenizerParts& parts);

// Readers; see Tokenizer::create.
Result<TokenizerParts> read_gguf_tokenizer(const TokenizerData& data);
Result<TokenizerParts> read_hugging_face_tokenizer(const TokenizerData& data);
Result<TokenizerParts> read_vocab_txt(const TokenizerData& data);

}  // namespace holdfast
