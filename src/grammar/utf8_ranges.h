// Ranges of code points as ranges of their UTF-8 bytes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "grammar/char_set.h"

namespace holdfast::grammar {

struct ByteRange {
  uint8_t first, last;
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// One to four byte ranges: every choice of bytes from them, in order, is one code point.
struct ByteSequence {
  std::array<ByteRange, 4> bytes;
  int32_t size = 0;
};

// The sequences that together spell exactly the code points of `range`, each once, in order.
std::vector<ByteSequence> utf8_sequences(CharRange range);

void append_utf8(uint32_t code_point, std::string& out);

// The code points of `text`; false when it is not UTF-8.
bool decode_utf8(std::string_view text, std::vector<uint32_t>& out);

}  // namespace holdfast::grammar
