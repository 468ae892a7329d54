#include "text/bpe.h"

#include <algorithm>
#include <bit>

#include "text/unicode.h"

namespace holdfast {
namespace {

uint64_t key_of(int32_t left, int32_t right) {
  return (static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32) | static_cast<uint32_t>(right);
}

std::size_t place_of(uint64_t key) {
  key *= 0x9E3779B97F4A7C15;
  return static_cast<std::size_t>(key ^ (key >> 32));
}

// Up to here a scan over all ranks (a few vector instructions for each merge) beats a heap.
constexpr std::size_t kShortWord = 256;

}  // namespace

void MergeTable::reserve(std::size_t merges) {
  const std::size_t wanted = std::bit_ceil(merges * 2 + 16);
  if (wanted <= slots_.size()) return;
  std::vector<Slot> old(wanted);
  old.swap(slots_);
  used_ = 0;
  for (const Slot& slot : old) {
    if (slot.pair == kFree) continue;
    set(static_cast<int32_t>(slot.pair >> 32), static_cast<int32_t>(slot.pair & UINT32_MAX),
        slot.merge);
  }
}

void MergeTable::set(int32_t left, int32_t right, Merge merge) {
  if ((used_ + 1) * 2 > slots_.size()) reserve(used_ + 1);
  const uint64_t key = key_of(left, right);
  for (std::size_t at = place_of(key);; ++at) {
    Slot& slot = slots_[at & (slots_.size() - 1)];
    if (slot.pair == kFree) ++used_;
    if (slot.pair == kFree || slot.pair == key) {
      slot = {key, merge};
      return;
    }
  }
}

Merge MergeTable::find(int32_t left, int32_t right) const {
  if (slots_.empty()) return {};
  const uint64_t key = key_of(left, right);
  for (std::size_t at = place_of(key);; ++at) {
    const Slot& slot = slots_[at & (slots_.size() - 1)];
    if (slot.pair == key) return slot.merge;
    if (slot.pair == kFree) return {};
  }
}

Bpe::Bpe(const Vocabulary& words, MergeTable merges, std::array<int32_t, 256> byte_tokens,
         BpeOptions options)
    : words_(words),
      merges_(std::move(merges)),
      byte_tokens_(byte_tokens),
      options_(options),
      whole_(words.size()) {}

void Bpe::encode(std::string_view word, std::vector<int32_t>& out) const {
  for (; word.size() > kLongestWord; word.remove_prefix(cut_point(word))) {
    encode(word.substr(0, cut_point(word)), out);
  }
  const std::optional<int32_t> whole = words_.find(word);
  if (whole && (options_.ignore_merges || whole_.known_whole(*whole))) {
    out.push_back(*whole);
    return;
  }
  std::vector<int32_t> symbols;
  symbols.reserve(word.size());
  split(word, symbols);
  if (symbols.size() <= kShortWord) {
    merge_short(symbols);
  } else {
    merge_by_rank(symbols, [&](uint32_t at, uint32_t next, uint32_t) {
      return merges_.find(symbols[at], symbols[next]);
    });
  }
  if (whole) whole_.learn(*whole, symbols.size() == 1 && symbols[0] == *whole);
  out.insert(out.end(), symbols.begin(), symbols.end());
}

void Bpe::split(std::string_view word, std::vector<int32_t>& symbols) const {
  const auto push = [&](int32_t id) {
    if (id >= 0) {
      symbols.push_back(id);
    } else if (options_.unknown && !(options_.fuse_unknown && !symbols.empty() &&
                                     symbols.back() == *options_.unknown)) {
      symbols.push_back(*options_.unknown);
    }
  };
  if (!options_.characters) {
    for (const char c : word) push(byte_tokens_[static_cast<uint8_t>(c)]);
    return;
  }
  while (!word.empty()) {
    const std::string_view character = word.substr(0, utf8_step(word).bytes);
    word.remove_prefix(character.size());
    if (const std::optional<int32_t> id = words_.find(character)) {
      symbols.push_back(*id);
      continue;
    }
    // All of a character's bytes or none: half a character would be worse than "unknown".
    const bool spellable = std::all_of(character.begin(), character.end(), [&](char c) {
      return byte_tokens_[static_cast<uint8_t>(c)] >= 0;
    });
    if (!spellable) {
      push(-1);
      continue;
    }
    for (const char c : character) symbols.push_back(byte_tokens_[static_cast<uint8_t>(c)]);
  }
}

void Bpe::merge_short(std::vector<int32_t>& symbols) const {
  std::size_t n = symbols.size();
  if (n < 2) return;
  // rank[i], joined[i]: what symbols i and i + 1 would become.
  std::array<uint32_t, kShortWord> rank;
  std::array<int32_t, kShortWord> joined;
  const auto look = [&](std::size_t i) {
    const Merge merge = merges_.find(symbols[i], symbols[i + 1]);
    rank[i] = merge.rank;
    joined[i] = merge.id;
  };
  for (std::size_t i = 0; i + 1 < n; ++i) look(i);
  while (n > 1) {
    uint32_t best = Merge::kNone;
    for (std::size_t i = 0; i + 1 < n; ++i) best = std::min(best, rank[i]);
    if (best == Merge::kNone) break;
    std::size_t at = 0;
    while (rank[at] != best) ++at;
    symbols[at] = joined[at];
    std::copy(symbols.begin() + static_cast<std::ptrdiff_t>(at) + 2,
              symbols.begin() + static_cast<std::ptrdiff_t>(n),
              symbols.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    if (at + 2 < n) {
      std::copy(rank.begin() + at + 2, rank.begin() + n - 1, rank.begin() + at + 1);
      std::copy(joined.begin() + at + 2, joined.begin() + n - 1, joined.begin() + at + 1);
    }
    --n;
    if (at > 0) look(at - 1);
    if (at + 1 < n) look(at);
  }
  symbols.resize(n);
}

}  // namespace holdfast
