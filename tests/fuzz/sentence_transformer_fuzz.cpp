// modules.json and a pooling module's config.json, told apart by the first byte.

#include <cstdint>
#include <string>

#include "base/check.h"
#include "files/sentence_transformer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    const auto modules = parse_sentence_modules("modules.json", text);
    if (modules) CHECK(modules->pooling.find('/') == std::string::npos);
  } else {
    const auto pooling = parse_pooling("config.json", text);
    if (pooling) CHECK(*pooling != Pooling::kNone);
  }
  return 0;
}
