// The safetensors container: 8 bytes of header length, a JSON header, the tensors' bytes.
// https://github.com/huggingface/safetensors, "Format".
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "files/byte_source.h"
#include "tensor/tensor_view.h"

namespace holdfast {

struct SafeTensor {
  std::string name;
  std::string dtype;          // as the file spells it: "BF16", "F8_E4M3"
  std::optional<DType> type;  // nothing for those without one of ours (U8, BOOL, F8_E5M2, ...)
  Shape shape;
  uint64_t offset = 0;  // from the beginning of the file
  uint64_t bytes = 0;
};

// One parsed file. Const after parsing. Tensors' bytes are not aligned to anything.
class Safetensors {
 public:
  // corrupt, naming the tensor or the byte.
  static Result<std::shared_ptr<const Safetensors>> parse(std::shared_ptr<const ByteSource> source);

  const std::string& file() const { return source->name(); }
  const SafeTensor* find(std::string_view name) const;
  std::span<const std::byte> bytes_of(const SafeTensor& tensor) const {
    return contents.subspan(tensor.offset, tensor.bytes);
  }

  std::shared_ptr<const ByteSource> source;
  std::span<const std::byte> contents;
  std::vector<SafeTensor> tensors;  // in the header's order
  std::vector<std::pair<std::string, std::string>> metadata;

 private:
  std::vector<std::byte> owned_;  // when the source cannot map
  std::unordered_map<std::string_view, std::size_t> names_;
};

}  // namespace holdfast
