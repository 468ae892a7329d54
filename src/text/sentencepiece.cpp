#include "text/sentencepiece.h"

#include <algorithm>
#include <bit>

#include "text/merge_queue.h"
#include "text/unicode.h"

namespace holdfast {
namespace {

constexpr std::string_view kMetaSpace = "\xE2\x96\x81";  // U+2581

// Orders floats as unsigned numbers, the greatest first. kNone is left free (it would be a NaN).
uint32_t rank_of(float score) {
  const auto bits = std::bit_cast<uint32_t>(score + 0.0f);  // -0 becomes 0
  return ~((bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u);
}

// Where the next word starts: at a space that follows something else.
std::size_t word_end(std::string_view text) {
  std::size_t at = 0;
  while (text.substr(at).starts_with(kMetaSpace)) at += kMetaSpace.size();
  return std::min(text.find(kMetaSpace, at), text.size());
}

}  // namespace

SentencePieceBpe::SentencePieceBpe(const Vocabulary& pieces, const std::vector<float>& scores,
                                   std::array<int32_t, 256> byte_tokens,
                                   std::optional<int32_t> unknown)
    : pieces_(pieces), byte_tokens_(byte_tokens), unknown_(unknown), whole_(pieces.size()) {
  ranks_.reserve(scores.size());
  for (const float score : scores) ranks_.push_back(rank_of(score));
  for (int32_t id = 0; id < pieces.size() && splits_at_spaces_; ++id) {
    const std::string_view piece = pieces.spelling(id);
    splits_at_spaces_ = word_end(piece) == piece.size() || pieces.find(piece) != id;
  }
}

void SentencePieceBpe::encode(std::string_view word, std::vector<int32_t>& out) const {
  while (!word.empty()) {
    std::size_t end = splits_at_spaces_ ? word_end(word) : word.size();
    if (end > kLongestWord) {
      end = kLongestWord;
      while ((static_cast<uint8_t>(word[end]) & 0xC0) == 0x80) --end;
    }
    encode_one(word.substr(0, end), out);
    word.remove_prefix(end);
  }
}

void SentencePieceBpe::encode_one(std::string_view word, std::vector<int32_t>& out) const {
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
