// Strings as Python sees them, by code point, over UTF-8 bytes. Inputs are valid UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "text/jinja/text.h"

namespace holdfast::jinja {

bool is_valid_utf8(std::string_view text);

// The code point at `at`, and how many bytes it takes.
struct CodePoint {
  int32_t value = 0;
  size_t size = 1;
};
CodePoint code_point(std::string_view text, size_t at);
void append_utf8(std::string& out, int32_t code_point);

size_t length(std::string_view text);                 // in code points
size_t byte_offset(std::string_view text, size_t n);  // where the n-th code point starts
bool is_space(int32_t code_point);                    // Python's str.isspace
bool is_printable(int32_t code_point);                // Python's str.isprintable
bool is_cased(int32_t code_point);
bool is_upper(int32_t code_point);
bool is_lower(int32_t code_point);

// The bytes [begin, end) without whitespace (or without any of `chars`) at the ends asked for.
struct Ends {
  bool left = true, right = true;
};
std::pair<size_t, size_t> strip(std::string_view text, Ends ends, const std::string* chars);

// Case by simple and the common full mappings (ss for the German sharp s, ligatures).
Text upper(const Text& text);
Text lower(const Text& text);
Text capitalize(const Text& text);      // str.capitalize
Text title_by_words(const Text& text);  // Jinja's filter: words begin after space, -, ( { [ <
Text title_by_case(const Text& text);   // str.title: words begin after anything without case

}  // namespace holdfast::jinja
