#include "grammar/utf8_ranges.h"

#include <algorithm>
#include <string_view>

namespace holdfast::grammar {

namespace {

constexpr uint32_t kLastOfSize[] = {0x7F, 0x7FF, 0xFFFF, kLastCodePoint};

int32_t spell(uint32_t c, uint8_t* out) {
  if (c <= 0x7F) {
    out[0] = static_cast<uint8_t>(c);
    return 1;
  }
  const int32_t size = c <= 0x7FF ? 2 : c <= 0xFFFF ? 3 : 4;
  for (int32_t i = size - 1; i > 0; --i, c >>= 6) out[i] = static_cast<uint8_t>(0x80 | (c & 0x3F));
  constexpr uint8_t kLead[] = {0, 0, 0xC0, 0xE0, 0xF0};
  out[0] = static_cast<uint8_t>(kLead[size] | c);
  return size;
}

// Cuts until the range's first and last differ only in trailing bytes that run over all values.
void split(uint32_t first, uint32_t last, std::vector<ByteSequence>& out) {
  for (const uint32_t edge : kLastOfSize) {
    if (first <= edge && edge < last) {
      split(first, edge, out);
      split(edge + 1, last, out);
      return;
    }
  }
  if (last > 0x7F) {
    for (int32_t i = 1; i < 4; ++i) {
      const uint32_t mask = (1u << (6 * i)) - 1;
      if ((first & ~mask) == (last & ~mask)) continue;
      if ((first & mask) != 0) {
        split(first, first | mask, out);
        split((first | mask) + 1, last, out);
        return;
      }
      if ((last & mask) != mask) {
        split(first, (last & ~mask) - 1, out);
        split(last & ~mask, last, out);
        return;
      }
    }
  }
  uint8_t a[4], b[4];
  ByteSequence sequence;
  sequence.size = spell(first, a);
  spell(last, b);
  for (int32_t i = 0; i < sequence.size; ++i) sequence.bytes[i] = {a[i], b[i]};
  out.push_back(sequence);
}

}  // namespace

std::vector<ByteSequence> utf8_sequences(CharRange range) {
  std::vector<ByteSequence> out;
  split(range.first, range.last, out);
  return out;
}

void append_utf8(uint32_t code_point, std::string& out) {
  uint8_t bytes[4];
  const int32_t size = spell(code_point, bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
}

bool decode_utf8(std::string_view text, std::vector<uint32_t>& out) {
  out.clear();
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i]);
    const int size = lead < 0x80   ? 1
                     : lead < 0xC2 ? 0
                     : lead < 0xE0 ? 2
                     : lead < 0xF0 ? 3
                     : lead < 0xF5 ? 4
                                   : 0;
    if (size == 0 || i + static_cast<size_t>(size) > text.size()) return false;
    constexpr uint8_t kKept[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t c = lead & kKept[size];
    for (int k = 1; k < size; ++k) {
      const auto next = static_cast<uint8_t>(text[i + static_cast<size_t>(k)]);
      if ((next & 0xC0) != 0x80) return false;
      c = (c << 6) | (next & 0x3F);
    }
    if (size > 1 && c <= kLastOfSize[size - 2]) return false;
    if (c > kLastCodePoint || (c >= 0xD800 && c <= 0xDFFF)) return false;
    out.push_back(c);
    i += static_cast<size_t>(size);
  }
  return true;
}

}  // namespace holdfast::grammar
