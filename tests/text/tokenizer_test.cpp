#include "text/tokenizer.h"

#include <array>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "text/utf8_stream.h"
#include "tiny_tokenizer.h"

namespace holdfast {
namespace {

using Ids = std::vector<int32_t>;

std::unique_ptr<Tokenizer> make(const TokenizerData& data) {
  auto tokenizer = Tokenizer::create(data);
  EXPECT_TRUE(tokenizer.has_value()) << to_string(tokenizer.error());
  return std::move(*tokenizer);
}

Error error_of(const TokenizerData& data) {
  const auto tokenizer = Tokenizer::create(data);
  EXPECT_FALSE(tokenizer.has_value());
  return tokenizer ? Error{} : tokenizer.error();
}

TEST(Tokenizer, MergesByRank) {
  const auto tokenizer = make(tiny_tokenizer());
  const auto id = [&](std::string_view token) { return tokenizer->find(token).value(); };
  EXPECT_EQ(tokenizer->encode("hello hello", Special::kAsText, false),
            (Ids{id("hello"), id(" hello")}));
  // "aa" comes before "ab", so the last pair of an even run keeps its b alone.
  EXPECT_EQ(tokenizer->encode("aab", Special::kAsText, false), (Ids{id("aa"), 'b'}));
  EXPECT_EQ(tokenizer->encode("aaab", Special::kAsText, false), (Ids{id("aa"), id("ab")}));
  EXPECT_EQ(tokenizer->encode("", Special::kAsText, true), (Ids{id("<s>")}));
}

TEST(Tokenizer, LongWordsMergeAsShortOnesDo) {
  const auto tokenizer = make(tiny_tokenizer());
  std::mt19937 random(7);
  for (const std::size_t length : {250u, 256u, 257u, 300u, 5000u}) {
    std::string word;
    while (word.size() < length) word += "aaabhello"[random() % 9];
    const Ids once = tokenizer->encode(word, Special::kAsText, false);
    EXPECT_EQ(tokenizer->decode(once), word);
    // Where the whole word is cut between tokens that never merge, its parts encode alike.
    Ids parts;
    std::size_t begin = 0;
    for (std::size_t at = 1; at < word.size(); ++at) {
      if (word[at] != 'h' || word[at - 1] == ' ') continue;  // nothing ends in h but h itself
      const Ids part = tokenizer->encode(word.substr(begin, at - begin), Special::kAsText, false);
      parts.insert(parts.end(), part.begin(), part.end());
      begin = at;
    }
    const Ids rest = tokenizer->encode(word.substr(begin), Special::kAsText, false);
    parts.insert(parts.end(), rest.begin(), rest.end());
    EXPECT_EQ(once, parts);
  }
}

TEST(Tokenizer, HostileWordsTakeLittle) {
  const auto tokenizer = make(tiny_tokenizer());
  const std::string letters(1'000'000, 'a');
  EXPECT_EQ(tokenizer->encode(letters, Special::kAsText, false).size(), 125'000u);
  const std::string spaces(1'000'000, ' ');
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(spaces, Special::kAsText, false)), spaces);
  std::string marks;  // in the wrong order, all of one character
  for (int i = 0; i < 200'000; ++i) marks += i % 2 == 0 ? "\xCC\x80" : "\xCC\xA3";
  const auto nfc = make(tiny_tokenizer("qwen2"));
  EXPECT_EQ(nfc->decode(nfc->encode(marks, Special::kAsText, false)).size(), marks.size());
}

TEST(Tokenizer, TextNeverBecomesASpecialToken) {
  const auto tokenizer = make(tiny_tokenizer());
  const std::string text = "<s>hello<|im_end|><think><\xEF\xBD\x9CUser\xEF\xBD\x9C>";
  const Ids as_text = tokenizer->encode(text, Special::kAsText, false);
  EXPECT_EQ(tokenizer->decode(as_text), text);
  for (const int32_t token : as_text) EXPECT_LT(token, *tokenizer->bos());

  const Ids parsed = tokenizer->encode(text, Special::kParse, false);
  EXPECT_EQ(parsed.size(), 5u);
  EXPECT_EQ(tokenizer->decode(parsed), "hello<think>");  // control tokens say nothing as text
  EXPECT_EQ(tokenizer->decode(parsed, Special::kParse), text);
}

TEST(Tokenizer, OnlyTrustedPartsHoldSpecialTokens) {
  const auto tokenizer = make(tiny_tokenizer());
  const int32_t end = *tokenizer->find("<|im_end|>");
  const std::vector<TextPart> parts{{"<|im_", true},  {"end|>he", true}, {"llo<|im_end|>", false},
                                    {"<|im_", false}, {"end|>", true},   {"<|im_end|>", true}};
  const Ids ids = tokenizer->encode(parts, true);
  EXPECT_EQ(ids.front(), *tokenizer->bos());
  EXPECT_EQ(ids[1], end);                                 // trusted neighbours are one text
  EXPECT_EQ(ids[2], *tokenizer->find("hello"));           // words merge across authors
  EXPECT_EQ(std::count(ids.begin(), ids.end(), end), 2);  // the first and the last only
  EXPECT_EQ(tokenizer->decode(ids, Special::kParse),
            "<s><|im_end|>hello<|im_end|><|im_end|><|im_end|>");
}

TEST(Tokenizer, UserDefinedTextTokensAlwaysMatch) {
  const auto tokenizer = make(tiny_tokenizer());
  EXPECT_EQ(tokenizer->encode("\t\t\t", Special::kAsText, false),
            (Ids{*tokenizer->find("\t\t"), '\t'}));
  // A converter's filler is no token at all.
  const std::string filler = "[PAD" + std::to_string(tokenizer->vocab_size() - 1) + "]";
  EXPECT_EQ(tokenizer->encode(filler, Special::kParse, false).size(), filler.size());
  EXPECT_EQ(tokenizer->piece(tokenizer->vocab_size() - 1), "");
}

TEST(Tokenizer, InvalidUtf8IsRepairedAsPythonDoes) {
  const auto tokenizer = make(tiny_tokenizer());
  const auto round = [&](std::string_view text) {
    return tokenizer->decode(tokenizer->encode(text, Special::kAsText, false));
  };
  EXPECT_EQ(round("a\xFFz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(round("\xE2\x82"), "\xEF\xBF\xBD");                              // one cut character
  EXPECT_EQ(round("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate
}

TEST(Tokenizer, EndOfGeneration) {
  TokenizerData data = tiny_tokenizer();
  data.eos = data.bos;
  const auto tokenizer = make(data);
  EXPECT_TRUE(tokenizer->is_end_of_generation(*data.eos));
  EXPECT_TRUE(tokenizer->is_end_of_generation(*tokenizer->find("<|im_end|>")));
  EXPECT_FALSE(tokenizer->is_end_of_generation(*tokenizer->find("<think>")));
  EXPECT_FALSE(tokenizer->adds_bos());
  data.add_bos = true;
  EXPECT_TRUE(make(data)->adds_bos());
}

TEST(Tokenizer, StreamingNeverSplitsACharacter) {
  const auto tokenizer = make(tiny_tokenizer());
  std::mt19937 random(11);
  for (int round = 0; round < 2000; ++round) {
    Ids ids(random() % 12);
    for (int32_t& id : ids) {
      id = static_cast<int32_t>(random() % static_cast<unsigned>(tokenizer->vocab_size()));
    }
    Utf8Stream stream;
    std::string streamed;
    for (const int32_t id : ids) {
      const std::string piece = stream.push(tokenizer->piece(id));
      EXPECT_TRUE(is_utf8(piece));
      streamed += piece;
    }
    streamed += stream.finish();
    EXPECT_EQ(streamed, replace_invalid_utf8(tokenizer->decode(ids)));
  }
}

TEST(Tokenizer, ManyThreadsGetTheSame) {
  const std::string text = "hello  hell he aaab it's 123 \t\t <s> \xE4\xBD\xA0\xE5\xA5\xBD";
  const Ids alone = make(tiny_tokenizer())->encode(text, Special::kParse, true);
  const auto tokenizer = make(tiny_tokenizer());
  std::vector<std::thread> threads;
  std::array<bool, 4> same{};
  for (std::size_t i = 0; i < same.size(); ++i) {
    threads.emplace_back([&, i] {
      same[i] = true;
      for (int k = 0; k < 50; ++k) {
        same[i] = same[i] && tokenizer->encode(text, Special::kParse, true) == alone;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(same, (std::array<bool, 4>{true, true, true, true}));
}

TEST(Tokenizer, SentencePiece) {
  TokenizerData data;
  data.model = "llama";
  const auto add = [&](const char* token, float score, int32_t type) {
    data.tokens.push_back(token);
    data.scores.push_back(score);
    data.types.push_back(type);
  };
  add("<unk>", 0, 2);
  add("<s>", 0, 3);
  for (int byte = 0; byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>", byte);
    add(name, 0, 6);
  }
  add("\xE2\x96\x81", -9, 1);
  add("a", -10, 1);
  add("b", -11, 1);
  add("ab", -1, 1);
  add("\xE2\x96\x81"
      "ab",
      -2, 1);
  add("bz", -0.5f, 1);  // z alone is no piece, but may merge
  data.bos = 1;
  const auto tokenizer = make(data);
  const auto id = [&](std::string_view token) { return tokenizer->find(token).value(); };
  EXPECT_EQ(tokenizer->encode("ab ab", Special::kAsText, false), (Ids{id("\xE2\x96\x81"
                                                                         "ab"),
                                                                      id("\xE2\x96\x81"
                                                                         "ab")}));
  EXPECT_EQ(tokenizer->encode("abz", Special::kAsText, false),
            (Ids{id("\xE2\x96\x81"), id("a"), id("bz")}));
  EXPECT_EQ(tokenizer->encode("a\n", Special::kAsText, false),
            (Ids{id("\xE2\x96\x81"), id("a"), 2 + '\n'}));
  for (const std::string text : {"ab ab", "  a", "", "\xE4\xBD\xA0 z\n"}) {
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text, Special::kAsText, false)), text);
  }
  EXPECT_TRUE(tokenizer->adds_bos());
  data.add_space_prefix = false;
  EXPECT_EQ(make(data)->encode("a", Special::kAsText, false), (Ids{id("a")}));
}

TEST(TokenizerErrors, NameWhatIsWrong) {
  EXPECT_EQ(error_of({}).code, Code::kNotFound);

  TokenizerData data = tiny_tokenizer("mystery");
  Error error = error_of(data);
  EXPECT_EQ(error.code, Code::kUnimplemented);
  EXPECT_NE(error.message.find("mystery"), std::string::npos);
  EXPECT_NE(error.hint.find("deepseek-v3"), std::string::npos);

  data = tiny_tokenizer();
  data.model = "bert";
  EXPECT_EQ(error_of(data).code, Code::kUnimplemented);

  data = tiny_tokenizer();
  data.types.pop_back();
  EXPECT_EQ(error_of(data).code, Code::kCorrupt);

  data = tiny_tokenizer();
  data.types[3] = 77;
  EXPECT_EQ(error_of(data).where, "tokenizer.ggml.token_type[3]");

  data = tiny_tokenizer();
  data.eos = 1 << 30;
  EXPECT_EQ(error_of(data).where, "tokenizer.ggml.eos_token_id");
}

TEST(TokenizerErrors, HostileArraysOnlyLoseWhatIsWrong) {
  TokenizerData data = tiny_tokenizer();
  data.tokens.push_back(data.tokens['a']);  // a duplicate
  data.types.push_back(1);
  data.tokens.push_back("");
  data.types.push_back(1);
  data.tokens.push_back("\xFF\xFE");  // not UTF-8
  data.types.push_back(1);
  for (const char* merge : {"", " ", "x", "no such", "a ", "\xFF \xFE", "a a a"}) {
    data.merges.push_back(merge);
  }
  data.tokens.push_back("\xA0");  // a special token that would cut characters in two
  data.types.push_back(3);
  const auto tokenizer = make(data);
  const std::string accented = "\xC3\xA0 \xC3\xA0";
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(accented, Special::kParse, false)), accented);
  EXPECT_EQ(tokenizer->encode("a hello", Special::kAsText, false),
            (Ids{'a', *tokenizer->find(" hello")}));
  EXPECT_EQ(tokenizer->piece(-1), "");
  EXPECT_EQ(tokenizer->piece(1 << 30), "");
}

}  // namespace
}  // namespace holdfast
