// Arbitrary bytes decoded as blocks of every computed type, and arbitrary floats encoded.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tensor/blocks.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  if (size == 0) return 0;
  std::vector<const DTypeInfo*> types;
  for (uint32_t id = 0; id <= 1000; ++id) {
    const DTypeInfo* info = find_dtype(id);
    if (info != nullptr && info->computed) types.push_back(info);
  }
  const DTypeInfo& info = *types[data[0] % types.size()];
  const uint64_t blocks = (size - 1) / info.block_bytes;
  const std::vector<uint8_t> source(data + 1, data + 1 + blocks * info.block_bytes);
  std::vector<float> values(blocks * info.block_size);
  dequantize(info.type, source.data(), values.data(), static_cast<int64_t>(values.size()));

  // Encoding takes finite values only (export_gguf refuses others by name).
  values.resize((size - 1) / sizeof(float) / info.block_size * info.block_size);
  if (!values.empty()) std::memcpy(values.data(), data + 1, values.size() * sizeof(float));
  for (float& value : values) {
    if (!std::isfinite(value)) value = 0.0f;
  }
  std::vector<uint8_t> encoded(row_bytes(info.type, values.size()));
  quantize(info.type, values.data(), encoded.data(), static_cast<int64_t>(values.size()));
  dequantize(info.type, encoded.data(), values.data(), static_cast<int64_t>(values.size()));
  return 0;
}
