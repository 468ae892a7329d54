// Finds any of several byte strings in a text that comes in pieces: Aho and Corasick, "Efficient
// string matching: an aid to bibliographic search", CACM 18(6), 1975.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

class ByteAutomaton {
 public:
  // A state for each beginning of a pattern; one byte leads from each to the next: 512 bytes of
  // memory for a state.
  using State = uint16_t;
  static constexpr State kStart = 0;
  static constexpr size_t kMaxBytes = 65534;  // of all patterns together

  // None is empty.
  explicit ByteAutomaton(std::span<const std::string> patterns);

  State next(State state, unsigned char byte) const { return next_[size_t{state} * 256 + byte]; }
  // The text so far ends in one of the patterns.
  bool accepts(State state) const { return accepts_[state] != 0; }

  struct Walk {
    State state;
    bool found;  // a pattern ends in the piece
  };
  Walk walk(State state, std::string_view piece) const {
    bool found = false;
    for (const char c : piece) {
      state = next(state, static_cast<unsigned char>(c));
      found |= accepts(state);
    }
    return {state, found};
  }

 private:
  std::vector<State> next_;       // [states, 256]
  std::vector<uint8_t> accepts_;  // [states]
};

}  // namespace holdfast
