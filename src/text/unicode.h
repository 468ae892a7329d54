// The few facts about UTF-8 and Unicode that tokenizers need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace holdfast {

// One step through UTF-8 text.
struct Utf8Step {
  char32_t code;  // the character, or U+FFFD
  uint8_t bytes;  // how many bytes it took, 1 to 4
  bool valid;     // false: these bytes are one maximal invalid part (Unicode 15, section 3.9)
  bool cut;       // an invalid part that ends with the text: more bytes could still complete it
};

// Looks at the front of `text`, which must not be empty.
Utf8Step utf8_step(std::string_view text);

bool is_utf8(std::string_view text);
void append_utf8(std::string& out, char32_t code);

// `text` with U+FFFD for each maximal invalid part, as Python's decode("utf-8", "replace").
std::string replace_invalid_utf8(std::string_view text);

// Unicode's White_Space property.
bool is_white_space(char32_t code);
// What a regular expression's \w means: letters, marks, decimal digits, letter numbers, connectors.
bool is_word_character(char32_t code);
// General category Nd, Nl or No.
bool is_numeric(char32_t code);

// Characters [first, last] that Unicode 16 added to a general category ("Lo") since Unicode 14,
// which is what the system's PCRE2 and utf8proc know at least; in order.
struct UnicodeAddition {
  char32_t first, last;
  std::string_view category;
};
std::span<const UnicodeAddition> unicode_additions();

// Normalization form C of valid UTF-8, as of Unicode 9 as Hugging Face tokenizers normalizes;
// linear but for the sorting of long runs of combining marks.
std::string to_nfc(std::string_view text);
// Normalization form D, likewise.
std::string to_nfd(std::string_view text);
// True when a quick look shows that `text` is in form C already.
bool is_surely_nfc(std::string_view text);

}  // namespace holdfast
