#include "text/token_bytes.h"

namespace holdfast {

TokenBytes::TokenBytes(int32_t tokens, const std::function<std::string(int32_t)>& piece) {
  starts_.reserve(static_cast<size_t>(tokens) + 1);
  for (int32_t token = 0; token < tokens; ++token) {
    bytes_ += piece(token);
    starts_.push_back(bytes_.size());
  }
  // A counting sort by the first byte.
  std::array<size_t, 257> counts{};
  const auto first = [&](int32_t token) { return static_cast<unsigned char>(of(token)[0]); };
  for (int32_t token = 0; token < tokens; ++token) {
    if (!of(token).empty()) ++counts[first(token) + 1u];
  }
  for (size_t i = 1; i < counts.size(); ++i) counts[i] += counts[i - 1];
  begins_ = counts;
  by_byte_.resize(counts.back());
  for (int32_t token = 0; token < tokens; ++token) {
    if (!of(token).empty()) by_byte_[counts[first(token)]++] = token;
  }
}

}  // namespace holdfast
