// Any bytes through a small tokenizer: whatever is UTF-8 comes back as it was, and text from
// outside never holds a control token. The first byte chooses the pre-tokenizer.

#include <array>
#include <memory>

#include "../text/tiny_tokenizer.h"
#include "base/check.h"
#include "text/tokenizer.h"
#include "text/utf8_stream.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  static const auto tokenizers = [] {
    // Those that do not normalize.
    std::array<std::unique_ptr<Tokenizer>, 5> made;
    const char* names[] = {"gpt-2", "llama-bpe", "deepseek-v3", "deepseek-llm", "deepseek-coder"};
    for (std::size_t i = 0; i < made.size(); ++i) {
      made[i] = std::move(Tokenizer::create(tiny_tokenizer(names[i])).value());
    }
    return made;
  }();
  if (size == 0) return 0;
  const Tokenizer& tokenizer = *tokenizers[data[0] % tokenizers.size()];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string repaired = replace_invalid_utf8(text);

  const auto tokens = tokenizer.encode(text, Special::kAsText, false);
  for (const int32_t token : tokens) {
    CHECK(token >= 0 && token < tokenizer.vocab_size());
    CHECK(tokenizer.piece(token) == tokenizer.piece(token, Special::kParse)) << "a control token";
  }
  CHECK(tokenizer.decode(tokens) == repaired);
  Utf8Stream stream;
  std::string streamed;
  for (const int32_t token : tokens) {
    const std::string piece = stream.push(tokenizer.piece(token));
    CHECK(is_utf8(piece));
    streamed += piece;
  }
  CHECK(streamed + stream.finish() == repaired);

  const auto parsed = tokenizer.encode(text, Special::kParse, false);
  CHECK(tokenizer.decode(parsed, Special::kParse) == repaired);

  // The same text by two authors has the same tokens, but for the special ones in untrusted parts.
  std::size_t cut = repaired.size() / 2;
  while (cut > 0 && (static_cast<uint8_t>(repaired[cut]) & 0xC0) == 0x80) --cut;
  std::vector<TextPart> parts{{repaired.substr(0, cut), false}, {repaired.substr(cut), false}};
  CHECK(tokenizer.encode(parts, false) == tokens);
  parts[1].trusted = true;
  CHECK(tokenizer.decode(tokenizer.encode(parts, false), Special::kParse) == repaired);
  return 0;
}
