// BERT's tokens of a word: the longest that begins it, then the longest that goes on, and so forth
// (arXiv 1609.08144, section 4.1; arXiv 1810.04805).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"
#include "text/word_encoder.h"

namespace holdfast {

// Thread-safe: const after construction.
class WordPiece final : public WordEncoder {
 public:
  // `tokens` outlives this object; those that go on within a word are spelled with `prefix` in
  // front. A word that is no row of tokens, or longer than `most_characters`, is `unknown`.
  WordPiece(const Vocabulary& tokens, std::string prefix, int32_t unknown, int64_t most_characters)
      : tokens_(tokens),
        prefix_(std::move(prefix)),
        unknown_(unknown),
        most_characters_(most_characters) {}

  // Takes at most the word's length times the longest token's steps.
  void encode(std::string_view word, std::vector<int32_t>& out) const override;

 private:
  const Vocabulary& tokens_;
  std::string prefix_;
  int32_t unknown_;
  int64_t most_characters_;
};

}  // namespace holdfast
