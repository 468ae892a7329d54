#include "text/sentencepiece.h"

#include <algorithm>
#include <bit>

#include "text/merge_queue.h"
#include "text/unicode.h"

namespace holdfast {
namespace {

// Orders floats as unsigned numbers, the greatest first. kNone is left free (it would be a NaN).
uint32_t rank_of(float score) {
  const auto bits = std::bit_cast<uint32_t>(score + 0.0f);  // -0 becomes 0
  return ~((bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u);
}

}  // namespace

SentencePieceBpe::SentencePieceBpe(const Vocabulary& pieces, const std::vector<float>& scores,
                                   std::array<int32_t, 256> byte_tokens,
                                   std::optional<int32_t> unknown)
    : pieces_(pieces), byte_tokens_(byte_tokens), unknown_(unknown), whole_(pieces.size()) {
  ranks_.reserve(scores.size());
  for (const float score : scores) ranks_.push_back(rank_of(score));
}

void SentencePieceBpe::encode(std::string_view word, std::vector<int32_t>& out) const {
  for (; word.size() > kLongestWord; word.remove_prefix(cut_point(word))) {
    encode(word.substr(0, cut_point(word)), out);
  }
  const std::optional<int32_t> whole = pieces_.find(word);
  if (whole && whole_.known_whole(*whole)) {
    out.push_back(*whole);
    return;
  }
  std::vector<uint32_t> offsets;  // of each character, and the end
  // A piece, or -1 - place for a character that is none: it may still merge into one.
  std::vector<int32_t> symbols;
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t bytes = utf8_step(word.substr(at)).bytes;
    const auto place = static_cast<int32_t>(offsets.size());
    offsets.push_back(static_cast<uint32_t>(at));
    symbols.push_back(pieces_.find(word.substr(at, bytes)).value_or(-1 - place));
    at += bytes;
  }
  offsets.push_back(static_cast<uint32_t>(word.size()));

  const auto text = [&](uint32_t from, uint32_t to) {
    return word.substr(offsets[from], offsets[to] - offsets[from]);
  };
  merge_by_rank(symbols, [&](uint32_t at, uint32_t, uint32_t end) {
    const std::optional<int32_t> id = pieces_.find(text(at, end));
    return id ? Merge{ranks_[static_cast<std::size_t>(*id)], *id} : Merge{};
  });
  if (whole) whole_.learn(*whole, symbols.size() == 1 && symbols[0] == *whole);
  for (const int32_t symbol : symbols) {
    if (symbol >= 0) {
      out.push_back(symbol);
    } else {
      const auto at = static_cast<uint32_t>(-1 - symbol);
      append_bytes(text(at, at + 1), out);
    }
  }
}

void SentencePieceBpe::append_bytes(std::string_view character, std::vector<int32_t>& out) const {
  const bool spellable = std::all_of(character.begin(), character.end(), [&](char c) {
    return byte_tokens_[static_cast<uint8_t>(c)] >= 0;
  });
  if (spellable) {
    for (const char c : character) out.push_back(byte_tokens_[static_cast<uint8_t>(c)]);
  } else if (unknown_) {
    out.push_back(*unknown_);
  }
}

}  // namespace holdfast
