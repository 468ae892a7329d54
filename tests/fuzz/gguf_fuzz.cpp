// A GGUF file of arbitrary bytes, through everything a loader does with it.

#include <cstdint>
#include <string>

#include "files/gguf_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto gguf = Gguf::parse(memory_source("fuzz.gguf", std::move(bytes)));
  if (!gguf) return 0;
  for (const GgufPair& pair : (*gguf)->pairs) {
    (void)pair.value.strings();
    (void)pair.value.integers();
    (void)pair.value.numbers();
  }
  const auto model = gguf_model("fuzz.gguf", {*gguf});
  if (!model) return 0;
  unsigned sum = 0;
  for (const TensorEntry& entry : (*model)->tensors()) {
    const auto view = (*model)->tensor(entry.name, entry.shape);
    if (!view) continue;
    if (!view->bytes.empty())
      sum += std::to_integer<unsigned>(view->bytes.front()) +
             std::to_integer<unsigned>(view->bytes.back());
    (void)(*model)->expert(entry.name, 0);
  }
  return sum == 0xffffffffu ? 1 : 0;  // the sum is used
}
