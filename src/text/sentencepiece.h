// SentencePiece's BPE: merges come from the scores of the pieces (Kudo and Richardson, arXiv
// 1808.06226).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"
#include "text/word_cache.h"
#include "text/word_encoder.h"

namespace holdfast {

// Thread-safe: const after construction, but for a cache of atomics.
class SentencePieceBpe final : public WordEncoder {
 public:
  // `pieces` finds only normal pieces; it outlives this object. `scores` (by id) holds no NaN. What
  // is no piece becomes its bytes' tokens, or `unknown` where one of them is missing (-1), or
  // nothing.
  SentencePieceBpe(const Vocabulary& pieces, const std::vector<float>& scores,
                   std::array<int32_t, 256> byte_tokens, std::optional<int32_t> unknown);

  // `word` has U+2581 for spaces already.
  void encode(std::string_view word, std::vector<int32_t>& out) const override;

 private:
  void append_bytes(std::string_view character, std::vector<int32_t>& out) const;

  const Vocabulary& pieces_;
  std::vector<uint32_t> ranks_;  // by id: the higher the score, the lower the rank
  std::array<int32_t, 256> byte_tokens_;
  std::optional<int32_t> unknown_;
  WordCache whole_;
};

}  // namespace holdfast
