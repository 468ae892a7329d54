// Hostile tokenizer.json, tokenizer_config.json, generation_config.json and vocab.txt, in one input
// with the byte 0x1E between them.

#include <array>

#include "base/check.h"
#include "text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace holdfast;
  std::string_view input(reinterpret_cast<const char*>(bytes), size);
  TokenizerData data;
  for (std::string* file : {&data.tokenizer_json, &data.tokenizer_config_json,
                            &data.generation_config_json, &data.vocab_txt}) {
    const std::size_t end = std::min(input.find('\x1E'), input.size());
    *file = input.substr(0, end);
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  const auto tokenizer = Tokenizer::create(data);
  if (!tokenizer) {
    CHECK(!tokenizer.error().message.empty());
    return 0;
  }
  for (const Special special : {Special::kAsText, Special::kParse}) {
    for (const std::string_view text :
         {"hello world <s> </s>", "\xE4\xBD\xA0 cafe\xCC\x81 12 \n\n\t", "\xFF", " a<think>b"}) {
      const auto tokens = (*tokenizer)->encode(text, special, true);
      for (const int32_t token : tokens) {
        CHECK(token >= 0 && token < (*tokenizer)->vocab_size());
      }
      (*tokenizer)->decode(tokens, special);
    }
  }
  return 0;
}
