// The part of a tokenizer that turns one word into tokens.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace holdfast {

// Thread-safe: const after construction.
class WordEncoder {
 public:
  virtual ~WordEncoder() = default;
  // Appends the tokens of `word` (valid UTF-8) to `out`; takes O(n log n) steps for n bytes.
  virtual void encode(std::string_view word, std::vector<int32_t>& out) const = 0;
};

}  // namespace holdfast
