// The printable alphabet that GPT-2's byte-level BPE spells bytes in: "Ġhello" for " hello".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

// The character that stands for `byte`. Printable bytes of Latin-1 stand for themselves; the other
// 68 follow from U+0100 on, in order (https://github.com/openai/gpt-2, src/encoder.py).
char32_t byte_letter(uint8_t byte);

// Appends the bytes that `spelling` stands for to `out`; false, with `out` as it was, when a
// character of it is outside the alphabet.
bool append_spelled_bytes(std::string_view spelling, std::string& out);

// SentencePiece's spelling of a byte: "<0x0A>" -> 10; nothing for any other token.
std::optional<uint8_t> byte_of_fallback_token(std::string_view spelling);

}  // namespace holdfast
