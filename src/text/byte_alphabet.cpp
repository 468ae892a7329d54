#include "text/byte_alphabet.h"

#include <array>
#include <charconv>
#include <system_error>

#include "text/unicode.h"

namespace holdfast {
namespace {

constexpr bool stands_for_itself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  std::array<char32_t, 256> letter{};
  std::array<int16_t, 0x144> byte{};  // by letter; -1: none
};

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  for (auto& byte : alphabet.byte) byte = -1;
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const char32_t letter = stands_for_itself(byte) ? static_cast<char32_t>(byte) : next++;
    alphabet.letter[static_cast<std::size_t>(byte)] = letter;
    alphabet.byte[letter] = static_cast<int16_t>(byte);
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

char32_t byte_letter(uint8_t byte) { return kAlphabet.letter[byte]; }

bool append_spelled_bytes(std::string_view spelling, std::string& out) {
  const std::size_t before = out.size();
  while (!spelling.empty()) {
    const Utf8Step step = utf8_step(spelling);
    if (!step.valid || step.code >= kAlphabet.byte.size() || kAlphabet.byte[step.code] < 0) {
      out.resize(before);
      return false;
    }
    out += static_cast<char>(kAlphabet.byte[step.code]);
    spelling.remove_prefix(step.bytes);
  }
  return true;
}

std::optional<uint8_t> byte_of_fallback_token(std::string_view spelling) {
  if (spelling.size() != 6 || !spelling.starts_with("<0x") || spelling[5] != '>') {
    return std::nullopt;
  }
  unsigned value = 0;
  const auto [end, error] = std::from_chars(&spelling[3], &spelling[5], value, 16);
  if (error != std::errc() || end != &spelling[5]) return std::nullopt;
  return static_cast<uint8_t>(value);
}

}  // namespace holdfast
