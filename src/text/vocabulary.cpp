#include "text/vocabulary.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace holdfast {
namespace {

uint64_t load(const char* at, std::size_t bytes) {
  uint64_t value = 0;
  std::memcpy(&value, at, bytes);
  return value;
}

uint64_t fold(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// Words are short: two overlapping loads cover up to 16 bytes, then one 128-bit product mixes them.
uint32_t hash_of(std::string_view text) {
  constexpr uint64_t kA = 0x9E3779B97F4A7C15, kB = 0xD6E8FEB86659FD93;
  const char* at = text.data();
  std::size_t left = text.size();
  uint64_t state = text.size() * kB;
  while (left > 16) {
    state = fold(load(at, 8) ^ state ^ kA, load(at + 8, 8) ^ kB);
    at += 16;
    left -= 16;
  }
  uint64_t first, second;
  if (left >= 8) {
    first = load(at, 8);
    second = load(at + left - 8, 8);
  } else if (left >= 4) {
    first = load(at, 4);
    second = load(at + left - 4, 4);
  } else {
    first = load(at, left);
    second = 0;
  }
  const uint64_t mixed = fold(first ^ state ^ kA, second ^ kB);
  return static_cast<uint32_t>(mixed ^ (mixed >> 32));
}

}  // namespace

void Vocabulary::reserve(std::size_t tokens, std::size_t bytes) {
  starts_.reserve(tokens + 1);
  bytes_.reserve(bytes);
  grow(std::bit_ceil(tokens * 2 + 16));
}

int32_t Vocabulary::add(std::string_view spelling) {
  bytes_ += spelling;
  starts_.push_back(bytes_.size());
  return size() - 1;
}

void Vocabulary::index(int32_t id) {
  if ((used_ + 1) * 2 > slots_.size()) grow(std::max<std::size_t>(64, slots_.size() * 2));
  const std::string_view text = spelling(id);
  const uint32_t hash = hash_of(text);
  for (std::size_t at = hash;; ++at) {
    Slot& slot = slots_[at & (slots_.size() - 1)];
    if (slot.id < 0) {
      slot = {hash, id};
      ++used_;
      longest_ = std::max(longest_, text.size());
      return;
    }
    if (slot.hash == hash && spelling(slot.id) == text) return;
  }
}

std::optional<int32_t> Vocabulary::find(std::string_view text) const {
  if (text.size() > longest_ || slots_.empty()) return std::nullopt;
  const uint32_t hash = hash_of(text);
  for (std::size_t at = hash;; ++at) {
    const Slot& slot = slots_[at & (slots_.size() - 1)];
    if (slot.id < 0) return std::nullopt;
    if (slot.hash == hash && spelling(slot.id) == text) return slot.id;
  }
}

void Vocabulary::grow(std::size_t slots) {
  if (slots <= slots_.size()) return;
  std::vector<Slot> old(slots);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.id < 0) continue;
    std::size_t at = slot.hash;
    while (slots_[at & (slots_.size() - 1)].id >= 0) ++at;
    slots_[at & (slots_.size() - 1)] = slot;
  }
}

}  // namespace holdfast
