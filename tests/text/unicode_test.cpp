#include "text/unicode.h"

#include <set>

#include <gtest/gtest.h>
#include <utf8proc.h>

#include "text/utf8_stream.h"

namespace holdfast {
namespace {

std::string utf8(std::initializer_list<char32_t> codes) {
  std::string out;
  for (const char32_t code : codes) append_utf8(out, code);
  return out;
}

TEST(Utf8, StepsOverEveryCharacter) {
  for (char32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    const Utf8Step step = utf8_step(utf8({code}));
    ASSERT_TRUE(step.valid && step.code == code && step.bytes == utf8({code}).size())
        << static_cast<uint32_t>(code);
  }
}

// Unicode 15, section 3.9, tables 3-8 to 3-11.
TEST(Utf8, ReplacesMaximalInvalidParts) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(replace_invalid_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"),
            r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(replace_invalid_utf8("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"),
            r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(replace_invalid_utf8("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"),
            r + r + r + r + r + "A" + r + r + "B");
  EXPECT_EQ(replace_invalid_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), r + r + r + r + "A");
}

TEST(Utf8Stream, GivesTheSameForEveryCut) {
  const std::string text = "a\xE2\x82\xAC\xF0\x9F\xA6\x99\xC3\xA9\xFF\xE2\x82z\xF0\x9F\xA6";
  const std::string whole = replace_invalid_utf8(text);
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); ++second) {
      Utf8Stream stream;
      std::string out = stream.push(text.substr(0, first));
      out += stream.push(text.substr(first, second - first));
      out += stream.push(text.substr(second));
      EXPECT_EQ(out + stream.finish(), whole);
      EXPECT_EQ(stream.finish(), "");
    }
  }
}

TEST(Nfc, Composes) {
  EXPECT_EQ(to_nfc(utf8({'e', 0x301})), utf8({0xE9}));
  EXPECT_EQ(to_nfc(utf8({0x212B})), utf8({0xC5}));
  EXPECT_EQ(to_nfc(utf8({'q', 0x307, 0x323})), utf8({'q', 0x323, 0x307}));  // reordered
  EXPECT_EQ(to_nfc(utf8({0x1100, 0x1161, 0x11A8})), utf8({0xAC01}));
  EXPECT_EQ(to_nfc(utf8({0xAC00, 0x11A7, 'x'})), utf8({0xAC00, 0x11A7, 'x'}));  // no final
  EXPECT_EQ(to_nfc(utf8({0x11A7, 'e', 0x301, 0x11A7})), utf8({0x11A7, 0xE9, 0x11A7}));
  EXPECT_EQ(to_nfc(utf8({'a', 0x89A, 0x334})), utf8({'a', 0x89A, 0x334}));  // newer than Unicode 9
  EXPECT_EQ(to_nfc(utf8({0x11935, 0x11930})), utf8({0x11935, 0x11930}));
  EXPECT_EQ(to_nfc(""), "");
  EXPECT_EQ(to_nfc(utf8({0x958})), utf8({0x915, 0x93C}));  // a composition exclusion
  EXPECT_EQ(to_nfc(utf8({0xFB01})), utf8({0xFB01}));       // compatibility forms stay
}

// The claim of is_surely_nfc: no character of its ranges decomposes, is a mark, or is the second of
// a composition.
TEST(Nfc, TheQuickLookIsRight) {
  std::set<char32_t> seconds;
  for (char32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    utf8proc_int32_t parts[8];
    int boundary = 0;
    const auto count =
        utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code), parts, 8,
                                static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE), &boundary);
    for (auto i = decltype(count){1}; i < count; ++i)
      seconds.insert(static_cast<char32_t>(parts[i]));
  }
  int quick = 0;
  for (char32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    if (!is_surely_nfc(utf8({code}))) continue;
    ++quick;
    ASSERT_EQ(to_nfc(utf8({code})), utf8({code})) << static_cast<uint32_t>(code);
    ASSERT_EQ(utf8proc_get_property(static_cast<utf8proc_int32_t>(code))->combining_class, 0);
    ASSERT_FALSE(seconds.contains(code)) << static_cast<uint32_t>(code);
  }
  EXPECT_GT(quick, 20'000);
}

TEST(Categories, KnowUnicode16) {
  EXPECT_TRUE(is_numeric(0x0663));   // ARABIC-INDIC DIGIT THREE
  EXPECT_TRUE(is_numeric(0x10D40));  // GARAY DIGIT ZERO, new in 16
  EXPECT_FALSE(is_numeric('a'));
  EXPECT_TRUE(is_word_character(0x10D4A));  // GARAY VOWEL SIGN A
  EXPECT_TRUE(is_white_space(0x3000));
  EXPECT_FALSE(is_white_space(0x180E));
}

}  // namespace
}  // namespace holdfast
