// A model's vocabulary as constraints see it: bytes, in the order of a trie, so that all tokens are
// tried against an automaton in one walk.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::grammar {

// One bit a token: bit t % 64 of word t / 64.
using TokenMask = std::vector<uint64_t>;
inline bool allows(const TokenMask& mask, int32_t token) {
  return (mask[static_cast<size_t>(token) / 64] >> (token % 64) & 1) != 0;
}
inline void allow(TokenMask& mask, int32_t token) {
  mask[static_cast<size_t>(token) / 64] |= uint64_t{1} << (token % 64);
}

// Tokens by their bytes, depth first. A walk that fails at a node goes on at its `after`.
class TokenTrie {
 public:
  struct Node {
    uint32_t after;   // the first node that is not below this one
    uint32_t tokens;  // where its tokens begin in tokens()
    uint8_t byte;
    uint8_t depth;  // of its byte, from 0; tokens are shorter than 256 bytes
  };

  // `sorted`: ids by bytes.
  TokenTrie(const std::vector<int32_t>& sorted, const std::vector<std::string>& bytes);

  size_t size() const { return nodes_.size() - 1; }
  const Node& node(size_t i) const { return nodes_[i]; }
  // The tokens that end at node i: tokens()[node(i).tokens, node(i + 1).tokens).
  const std::vector<int32_t>& tokens() const { return tokens_; }

 private:
  std::vector<Node> nodes_;  // and one more, where the tokens end
  std::vector<int32_t> tokens_;
};

struct TokenTableInput {
  // By token, what it adds to an answer as the client sees it; empty: nothing, such a token is
  // never allowed.
  std::vector<std::string> bytes;
  std::vector<bool> special;  // by token: its bytes are no ordinary text; never allowed
  std::vector<int32_t> ends;  // tokens that end the answer
  int32_t logits = 0;         // how many a model gives, >= bytes.size(); those beyond: never
  std::string think_open, think_close;  // both empty: this model does not think
};

// Immutable.
class TokenTable {
 public:
  explicit TokenTable(TokenTableInput input);

  int32_t size() const { return size_; }
  size_t words() const { return (static_cast<size_t>(size_) + 63) / 64; }
  std::string_view bytes(int32_t token) const {
    return token < 0 || token >= std::ssize(bytes_) ? std::string_view()
                                                    : bytes_[static_cast<size_t>(token)];
  }
  bool usable(int32_t token) const {
    return token >= 0 && token < std::ssize(bytes_) && usable_[static_cast<size_t>(token)];
  }
  const std::vector<int32_t>& ends() const { return ends_; }
  const TokenTrie& all() const { return *all_; }

  // Tokens of whole plain characters (see plain_characters()), at most `most_characters` of them,
  // and all others.
  struct Plain {
    int32_t most_characters;
    TokenMask tokens;
    std::unique_ptr<const TokenTrie> others;
  };
  // The largest of the prepared divisions that a run of so many characters allows; null: none.
  const Plain* plain(int32_t run) const;

  const std::string& think_open() const { return think_open_; }
  const std::string& think_close() const { return think_close_; }
  // The one token that opens thinking, where there is one.
  std::optional<int32_t> think_token() const { return think_token_; }
  const TokenMask& thinking() const { return thinking_; }                   // all but the ends
  const std::vector<int32_t>& line_breaks() const { return line_breaks_; }  // "\n", "\n\n"
  // Tokens that might close the thinking and go on.
  const std::vector<int32_t>& closers() const { return closers_; }

 private:
  int32_t size_;
  std::vector<std::string> bytes_;
  std::vector<bool> usable_;
  std::vector<int32_t> ends_, line_breaks_, closers_;
  std::string think_open_, think_close_;
  std::optional<int32_t> think_token_;
  TokenMask thinking_;
  std::unique_ptr<const TokenTrie> all_;
  std::vector<Plain> plain_;
};

}  // namespace holdfast::grammar
