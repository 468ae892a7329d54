#include "grammar/token_table.h"

#include <algorithm>
#include <utility>

#include "grammar/program.h"
#include "grammar/utf8_ranges.h"

namespace holdfast::grammar {

namespace {

constexpr int32_t kPlainSizes[] = {4, 8, 16, 32};
constexpr size_t kLongestToken = 255;

// Whole plain characters only: how many; else -1.
int32_t plain_characters_in(const std::string& bytes, std::vector<uint32_t>& scratch) {
  if (!decode_utf8(bytes, scratch)) return -1;
  for (const uint32_t c : scratch) {
    if (c < 0x20 || c == '"' || c == '\\') return -1;
  }
  return static_cast<int32_t>(scratch.size());
}

}  // namespace

TokenTrie::TokenTrie(const std::vector<int32_t>& sorted, const std::vector<std::string>& bytes) {
  std::vector<uint32_t> open;  // nodes from the root to the last token's end
  std::string_view before;
  for (const int32_t token : sorted) {
    const std::string_view text = bytes[static_cast<size_t>(token)];
    const auto [a, b] = std::mismatch(before.begin(), before.end(), text.begin(), text.end());
    const auto common = static_cast<size_t>(a - before.begin());
    for (; open.size() > common; open.pop_back())
      nodes_[open.back()].after = static_cast<uint32_t>(nodes_.size());
    for (size_t i = common; i < text.size(); ++i) {
      open.push_back(static_cast<uint32_t>(nodes_.size()));
      nodes_.push_back({0, static_cast<uint32_t>(tokens_.size()), static_cast<uint8_t>(text[i]),
                        static_cast<uint8_t>(i)});
    }
    tokens_.push_back(token);
    before = text;
  }
  for (const uint32_t node : open) nodes_[node].after = static_cast<uint32_t>(nodes_.size());
  nodes_.push_back({0, static_cast<uint32_t>(tokens_.size()), 0, 0});
  nodes_.shrink_to_fit();
}

TokenTable::TokenTable(TokenTableInput input)
    : size_(std::max(input.logits, static_cast<int32_t>(input.bytes.size()))),
      bytes_(std::move(input.bytes)),
      ends_(std::move(input.ends)),
      think_open_(std::move(input.think_open)),
      think_close_(std::move(input.think_close)) {
  usable_.assign(bytes_.size(), false);
  std::vector<int32_t> sorted;
  std::vector<int32_t> characters(bytes_.size(), -1);
  std::vector<uint32_t> scratch;
  for (size_t i = 0; i < bytes_.size(); ++i) {
    const auto token = static_cast<int32_t>(i);
    const std::string& text = bytes_[i];
    if (!think_open_.empty() && text == think_open_ && !think_token_) think_token_ = token;
    const auto inside = text.find('>');
    if (inside != std::string::npos && inside + 1 < text.size()) closers_.push_back(token);
    if (text.empty() || text.size() > kLongestToken ||
        (i < input.special.size() && input.special[i]))
      continue;
    if (std::find(ends_.begin(), ends_.end(), token) != ends_.end()) continue;
    usable_[i] = true;
    sorted.push_back(token);
    characters[i] = plain_characters_in(text, scratch);
    if (text == "\n" || text == "\n\n") line_breaks_.push_back(token);
  }
  std::sort(sorted.begin(), sorted.end(), [&](int32_t a, int32_t b) {
    const int order = bytes_[static_cast<size_t>(a)].compare(bytes_[static_cast<size_t>(b)]);
    return order != 0 ? order < 0 : a < b;
  });
  all_ = std::make_unique<TokenTrie>(sorted, bytes_);
  for (const int32_t most : kPlainSizes) {
    Plain plain{most, TokenMask(words()), nullptr};
    std::vector<int32_t> others;
    for (const int32_t token : sorted) {
      const int32_t count = characters[static_cast<size_t>(token)];
      if (count >= 0 && count <= most) {
        allow(plain.tokens, token);
      } else {
        others.push_back(token);
      }
    }
    plain.others = std::make_unique<TokenTrie>(others, bytes_);
    plain_.push_back(std::move(plain));
  }
  thinking_.assign(words(), ~uint64_t{0});
  for (int32_t token = 0; token < static_cast<int32_t>(words()) * 64; ++token) {
    if (token >= size_ || std::find(ends_.begin(), ends_.end(), token) != ends_.end())
      thinking_[static_cast<size_t>(token) / 64] &= ~(uint64_t{1} << (token % 64));
  }
}

const TokenTable::Plain* TokenTable::plain(int32_t run) const {
  const Plain* best = nullptr;
  for (const Plain& plain : plain_) {
    if (plain.most_characters <= run) best = &plain;
  }
  return best;
}

}  // namespace holdfast::grammar
