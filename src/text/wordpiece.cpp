#include "text/wordpiece.h"

#include <algorithm>

namespace holdfast {
namespace {

bool starts_character(char c) { return (c & 0xC0) != 0x80; }

}  // namespace

void WordPiece::encode(std::string_view word, std::vector<int32_t>& out) const {
  const std::size_t before = out.size();
  const auto give_up = [&] {
    out.resize(before);
    out.push_back(unknown_);
  };
  if (std::count_if(word.begin(), word.end(), starts_character) > most_characters_) {
    return give_up();
  }
  std::string spelled;
  std::size_t done = 0;
  while (done < word.size()) {
    spelled = done == 0 ? std::string() : prefix_;
    const std::size_t room = tokens_.longest() - std::min(tokens_.longest(), spelled.size());
    const std::size_t front = spelled.size();
    std::size_t length = std::min(word.size() - done, room);
    spelled += word.substr(done, length);
    for (; length > 0; --length) {
      if (done + length < word.size() && !starts_character(word[done + length])) continue;
      if (const auto id = tokens_.find(std::string_view(spelled).substr(0, front + length))) {
        out.push_back(*id);
        break;
      }
    }
    if (length == 0) return give_up();
    done += length;
  }
}

}  // namespace holdfast
