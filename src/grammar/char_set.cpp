#include "grammar/char_set.h"

#include <algorithm>

namespace holdfast::grammar {

namespace {
constexpr uint32_t kFirstSurrogate = 0xD800, kLastSurrogate = 0xDFFF;
}

CharSet::CharSet(std::initializer_list<CharRange> ranges) {
  for (const CharRange& r : ranges) add(r.first, r.last);
}

void CharSet::add(uint32_t first, uint32_t last) {
  last = std::min(last, kLastCodePoint);
  if (first > last) return;
  if (first <= kLastSurrogate && last >= kFirstSurrogate) {
    if (first < kFirstSurrogate) add(first, kFirstSurrogate - 1);
    if (last > kLastSurrogate) add(kLastSurrogate + 1, last);
    return;
  }
  normal_ = normal_ && (ranges_.empty() || ranges_.back().last + 1 < first);
  ranges_.push_back({first, last});
}

void CharSet::add(const CharSet& other) {
  for (const CharRange& r : std::vector<CharRange>(other.ranges())) add(r.first, r.last);
}

void CharSet::normalize() const {
  std::sort(ranges_.begin(), ranges_.end());
  std::vector<CharRange> merged;
  for (const CharRange& r : ranges_) {
    if (!merged.empty() && r.first <= merged.back().last + 1) {
      merged.back().last = std::max(merged.back().last, r.last);
    } else {
      merged.push_back(r);
    }
  }
  ranges_ = std::move(merged);
  normal_ = true;
}

const std::vector<CharRange>& CharSet::ranges() const {
  if (!normal_) normalize();
  return ranges_;
}

CharSet CharSet::complement() const {
  CharSet out;
  uint32_t next = 0;
  for (const CharRange& r : ranges()) {
    if (r.first > next) out.add(next, r.first - 1);
    next = r.last + 1;
  }
  out.add(next, kLastCodePoint);
  return out;
}

CharSet CharSet::intersection(const CharSet& other) const {
  CharSet out;
  const auto &a = ranges(), &b = other.ranges();
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const uint32_t first = std::max(a[i].first, b[j].first);
    const uint32_t last = std::min(a[i].last, b[j].last);
    if (first <= last) out.add(first, last);
    a[i].last < b[j].last ? ++i : ++j;
  }
  return out;
}

bool CharSet::contains(uint32_t c) const {
  for (const CharRange& r : ranges()) {
    if (c >= r.first && c <= r.last) return true;
  }
  return false;
}

}  // namespace holdfast::grammar
