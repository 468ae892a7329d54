// Tokens that are found in the text before anything else splits it: <think>, <|im_end|>, ...
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

struct AddedToken {
  std::string content;
  int32_t id = 0;
  bool lstrip = false, rstrip = false;  // white space before or after belongs to the token
  bool single_word = false;             // only where no word character touches it
  bool normalized = false;              // looked for after normalization
  // Text from outside never becomes this token.
  bool restricted = false;
};

// True for spellings that mark structure rather than content: <think>, </s>, <|im_end|>, [INST].
bool looks_like_markup(std::string_view content);
// True for <|im_end|> and <｜end▁of▁sentence｜>: control tokens, whatever a file calls them.
bool looks_like_control(std::string_view content);

// Finds the longest token at a place. Thread-safe: const after construction.
class AddedTokenMatcher {
 public:
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  struct Found {
    std::size_t begin, end;  // of the token with the white space it takes along
    const AddedToken* token;
  };
  // The first token in text[from, limit), the longest where several start at one place. Looks at
  // text outside that range only to see its neighbours.
  std::optional<Found> find(std::string_view text, std::size_t from, std::size_t limit) const;
  bool empty() const { return tokens_.empty(); }

 private:
  const AddedToken* longest_at(std::string_view text) const;

  std::vector<AddedToken> tokens_;  // by content
  std::string first_bytes_;         // that any token starts with
  bool is_first_[256] = {};
};

}  // namespace holdfast
