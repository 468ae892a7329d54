// Hostile tokenizer.ggml arrays. The input is lines: the first names the pre-tokenizer ("llama" for
// SentencePiece); then "m MERGE", "b ID" and "e ID" (bos, eos), or a digit (the token's type) and
// its spelling, scored by its place.

#include <cmath>
#include <cstdlib>

#include "base/check.h"
#include "text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace holdfast;
  std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const auto next_line = [&] {
    const std::size_t end = std::min(input.find('\n'), input.size());
    const std::string_view line = input.substr(0, end);
    input.remove_prefix(std::min(end + 1, input.size()));
    return line;
  };
  TokenizerData data;
  data.pre = next_line();
  data.model = data.pre == "llama" ? "llama" : "gpt2";
  while (!input.empty()) {
    const std::string_view line = next_line();
    if (line.empty()) continue;
    const std::string rest(line.substr(1));
    if (line[0] == 'm') {
      data.merges.push_back(rest.substr(std::min<std::size_t>(1, rest.size())));
    } else if (line[0] == 'b') {
      data.bos = std::atoi(rest.c_str());
    } else if (line[0] == 'e') {
      data.eos = std::atoi(rest.c_str());
    } else {
      data.types.push_back(line[0] - '0');
      data.scores.push_back(std::sin(static_cast<float>(data.tokens.size())));
      data.tokens.push_back(rest);
    }
  }
  const auto tokenizer = Tokenizer::create(data);
  if (!tokenizer) {
    CHECK(!tokenizer.error().message.empty());
    return 0;
  }
  std::string text = "hello  <s> \xE4\xBD\xA0\xE5\xA5\xBD 123\n\xFF";
  for (const std::string& token : data.tokens) {
    if (text.size() < 4096) text += token;
  }
  for (const Special special : {Special::kAsText, Special::kParse}) {
    for (const int32_t token : (*tokenizer)->encode(text, special, true)) {
      CHECK(token >= 0 && token < (*tokenizer)->vocab_size());
      (*tokenizer)->piece(token, special);
    }
  }
  return 0;
}
