// The JSON texts of a Hugging Face directory: config.json, generation_config.json, tokenizer.json
// and tokenizer_config.json, told apart by the first byte.

#include <cstdint>
#include <string>

#include "files/hf_config.h"
#include "files/tokenizer_arrays.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  TokenizerData tokenizer;
  tokenizer.tokenizer_json =
      R"({"model": {"type": "BPE", "vocab": {"<s>": 0, "a": 1}, "merges": []},
          "pre_tokenizer": {"type": "ByteLevel"}})";
  ModelConfig config;
  config.vocab = 300;
  switch (data[0] % 5) {
    case 0:
      (void)hf_config("config.json", text);
      break;
    case 1:
      (void)hf_sampling("generation_config.json", text);
      break;
    case 2:
      tokenizer.tokenizer_json = text;
      (void)tokenizer_arrays(tokenizer, config, "fuzz");
      break;
    case 3:
      tokenizer.tokenizer_config_json = text;
      (void)tokenizer_arrays(tokenizer, config, "fuzz");
      break;
    case 4:
      tokenizer.generation_config_json = text;
      (void)tokenizer_arrays(tokenizer, config, "fuzz");
      break;
  }
  return 0;
}
