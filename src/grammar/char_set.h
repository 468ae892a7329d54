// Sets of Unicode code points.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace holdfast::grammar {

inline constexpr uint32_t kLastCodePoint = 0x10FFFF;

struct CharRange {
  uint32_t first, last;
  friend bool operator==(const CharRange&, const CharRange&) = default;
  friend auto operator<=>(const CharRange&, const CharRange&) = default;
};

// Surrogates are in no set: UTF-8 cannot spell them.
class CharSet {
 public:
  CharSet() = default;
  CharSet(std::initializer_list<CharRange> ranges);
  static CharSet all() { return CharSet({{0, kLastCodePoint}}); }
  static CharSet single(uint32_t c) { return CharSet({{c, c}}); }

  void add(uint32_t first, uint32_t last);
  void add(const CharSet& other);

  CharSet complement() const;
  CharSet intersection(const CharSet& other) const;
  CharSet minus(const CharSet& other) const { return intersection(other.complement()); }
  bool contains(uint32_t c) const;
  bool contains(const CharSet& other) const { return other.minus(*this).empty(); }
  bool empty() const { return ranges().empty(); }

  // In order, with gaps between.
  const std::vector<CharRange>& ranges() const;

  friend bool operator<(const CharSet& a, const CharSet& b) { return a.ranges() < b.ranges(); }
  friend bool operator==(const CharSet& a, const CharSet& b) { return a.ranges() == b.ranges(); }

 private:
  void normalize() const;
  mutable std::vector<CharRange> ranges_;
  mutable bool normal_ = true;
};

}  // namespace holdfast::grammar
