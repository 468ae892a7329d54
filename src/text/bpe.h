// Byte-pair encoding of one word (Sennrich et al., arXiv 1508.07909).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "text/merge_queue.h"
#include "text/vocabulary.h"
#include "text/word_cache.h"
#include "text/word_encoder.h"

namespace holdfast {

// (left id, right id) -> Merge; open addressing, 16 bytes a slot.
class MergeTable {
 public:
  void reserve(std::size_t merges);
  // The last of equal pairs stays.
  void set(int32_t left, int32_t right, Merge merge);
  Merge find(int32_t left, int32_t right) const;

 private:
  struct Slot {
    uint64_t pair = kFree;
    Merge merge;
  };
  static constexpr uint64_t kFree = UINT64_MAX;
  std::vector<Slot> slots_;  // a power of two, at most half full
  std::size_t used_ = 0;
};

struct BpeOptions {
  // Start from characters instead of bytes (byte_fallback tokenizers); what the vocabulary lacks
  // becomes its bytes' tokens.
  bool characters = false;
  // A word that is a token is that token, whatever the merges say (Llama 3).
  bool ignore_merges = false;
  // For bytes that have no token: this one, or nothing at all.
  std::optional<int32_t> unknown;
  bool fuse_unknown = false;  // neighbouring unknowns become one
};

// Thread-safe: const after construction, but for a cache of atomics.
class Bpe final : public WordEncoder {
 public:
  // `words` finds only tokens that text may become; it outlives this object. `byte_tokens` holds
  // the token of each single byte, or -1.
  Bpe(const Vocabulary& words, MergeTable merges, std::array<int32_t, 256> byte_tokens,
      BpeOptions options);

  void encode(std::string_view word, std::vector<int32_t>& out) const override;

 private:
  void split(std::string_view word, std::vector<int32_t>& symbols) const;
  void merge_short(std::vector<int32_t>& symbols) const;

  const Vocabulary& words_;
  MergeTable merges_;
  std::array<int32_t, 256> byte_tokens_;
  BpeOptions options_;
  WordCache whole_;
};

}  // namespace holdfast
