// The GGUF container, versions 2 and 3 (little-endian): a header of typed key-value pairs, a list
// of tensors, and their aligned data.
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

enum class GgufType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};
inline constexpr uint32_t kGgufTypes = 13;
std::string_view gguf_type_name(GgufType type);  // "u32", "string", "array"
uint32_t gguf_type_bytes(GgufType type);         // of one value; 0 for strings and arrays

// A value still in the file's encoding, checked while parsing: decoding cannot fail.
struct GgufValue {
  GgufType type = GgufType::kU8;
  GgufType element = GgufType::kU8;  // of an array
  uint64_t count = 0;                // of an array
  std::span<const std::byte> bytes;  // scalars: the value; strings: the text; arrays: the elements
  uint64_t offset = 0;               // of the value in its file

  // Decoded; nothing when the value is of another kind.
  std::optional<int64_t> integer() const;  // any integer type (u64 beyond int64: nothing), not bool
  std::optional<double> number() const;    // f32 or f64, or an integer
  std::optional<bool> boolean() const;
  std::optional<std::string_view> string() const;
  // Arrays. Elements of the wrong kind: nothing.
  std::optional<std::vector<std::string_view>> strings() const;
  std::optional<std::vector<int64_t>> integers() const;
  std::optional<std::vector<double>> numbers() const;
};

struct GgufPair {
  std::string_view key;
  GgufValue value;
};

struct GgufTensor {
  std::string_view name;
  DType type = DType::kF32;
  Shape shape;          // outermost first
  uint64_t offset = 0;  // from the beginning of the file
  uint64_t bytes = 0;
};

// One parsed file. The views point into `contents`. Const after parsing.
class Gguf {
 public:
  // corrupt (with the byte offset and the tensor or key), or unimplemented for a version, byte
  // order or tensor type we do not know.
  static Result<std::shared_ptr<const Gguf>> parse(std::shared_ptr<const ByteSource> source);

  const std::string& file() const { return source->name(); }
  const GgufValue* find(std::string_view key) const;
  const GgufTensor* find_tensor(std::string_view name) const;

  // A key's value in the wanted form: nothing when the key is missing, corrupt when it is of
  // another kind or (integers) outside [0, 2^31).
  Result<std::optional<int32_t>> get_int(std::string_view key) const;
  Result<std::optional<float>> get_float(std::string_view key) const;  // finite
  Result<std::optional<bool>> get_bool(std::string_view key) const;
  Result<std::optional<std::string>> get_string(std::string_view key) const;

  std::shared_ptr<const ByteSource> source;
  std::span<const std::byte> contents;  // the whole file
  uint32_t version = 0;
  uint64_t alignment = 32;
  uint64_t data_offset = 0;  // of the first tensor's data
  std::vector<GgufPair> pairs;
  std::vector<GgufTensor> tensors;

 private:
  friend class GgufParser;
  std::vector<std::byte> owned_;  // when the source cannot map
  std::unordered_map<std::string_view, std::size_t> keys_;
  std::unordered_map<std::string_view, std::size_t> names_;
};

}  // namespace holdfast
