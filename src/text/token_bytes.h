// What every token of a vocabulary adds to a text, at hand without a call for each.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

// Immutable; shared by all requests of a model.
class TokenBytes {
 public:
  // `piece(i)` for i in [0, tokens): the bytes of token i; none for control tokens.
  TokenBytes(int32_t tokens, const std::function<std::string(int32_t)>& piece);

  int32_t size() const { return static_cast<int32_t>(starts_.size()) - 1; }
  // Nothing for ids outside: models may have more rows than their tokenizer has tokens.
  std::string_view of(int32_t token) const {
    if (token < 0 || token >= size()) return {};
    const auto at = static_cast<size_t>(token);
    return std::string_view(bytes_).substr(starts_[at], starts_[at + 1] - starts_[at]);
  }
  // The tokens whose first byte it is, by id.
  std::span<const int32_t> starting_with(unsigned char byte) const {
    return std::span(by_byte_).subspan(begins_[byte], begins_[byte + 1u] - begins_[byte]);
  }

 private:
  std::string bytes_;
  std::vector<size_t> starts_{0};
  std::vector<int32_t> by_byte_;
  std::array<size_t, 257> begins_{};
};

}  // namespace holdfast
