// A safetensors file of arbitrary bytes.

#include <cstdint>
#include <string>

#include "files/hf_names.h"
#include "files/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto file = Safetensors::parse(memory_source("fuzz.safetensors", std::move(bytes)));
  if (!file) return 0;
  unsigned sum = 0;
  for (const SafeTensor& tensor : (*file)->tensors) {
    const auto view = (*file)->bytes_of(tensor);
    if (!view.empty())
      sum += std::to_integer<unsigned>(view.front()) + std::to_integer<unsigned>(view.back());
    (void)gguf_name(tensor.name);
    (void)hf_name(tensor.name);
  }
  return sum == 0xffffffffu ? 1 : 0;  // the sum is used
}
