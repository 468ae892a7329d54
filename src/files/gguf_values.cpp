// Decoding of GGUF's typed values.

#include <cmath>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "files/describe.h"
#include "files/gguf.h"

namespace holdfast {
namespace {

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

std::optional<int64_t> load_integer(GgufType type, const std::byte* from) {
  switch (type) {
    case GgufType::kU8:
      return load<uint8_t>(from);
    case GgufType::kI8:
      return load<int8_t>(from);
    case GgufType::kU16:
      return load<uint16_t>(from);
    case GgufType::kI16:
      return load<int16_t>(from);
    case GgufType::kU32:
      return load<uint32_t>(from);
    case GgufType::kI32:
      return load<int32_t>(from);
    case GgufType::kU64: {
      const auto value = load<uint64_t>(from);
      if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
      return static_cast<int64_t>(value);
    }
    case GgufType::kI64:
      return load<int64_t>(from);
    default:
      return std::nullopt;
  }
}

std::optional<double> load_number(GgufType type, const std::byte* from) {
  if (type == GgufType::kF32) return load<float>(from);
  if (type == GgufType::kF64) return load<double>(from);
  if (const auto value = load_integer(type, from)) return static_cast<double>(*value);
  return std::nullopt;
}

template <class T, class Load>
std::optional<std::vector<T>> load_array(const GgufValue& array, Load load_one) {
  if (array.type != GgufType::kArray) return std::nullopt;
  const std::size_t width = gguf_type_bytes(array.element);
  if (width == 0)
    return array.count == 0 ? std::optional<std::vector<T>>(std::in_place) : std::nullopt;
  std::vector<T> out;
  out.reserve(array.count);
  for (uint64_t i = 0; i < array.count; ++i) {
    const auto value = load_one(array.element, array.bytes.data() + i * width);
    if (!value) return std::nullopt;
    out.push_back(*value);
  }
  return out;
}

Error wrong_kind(const Gguf& gguf, std::string_view key, const GgufValue& value,
                 std::string_view wanted) {
  std::string found(gguf_type_name(value.type));
  if (const auto number = value.number()) found += fmt::format(" {}", *number);
  return {Code::kCorrupt, fmt::format("key '{}' holds {}; {} was expected", key, found, wanted),
          at_byte(gguf.file(), value.offset), "The file was written wrongly; fetch it again"};
}

}  // namespace

std::string_view gguf_type_name(GgufType type) {
  static constexpr std::string_view kNames[kGgufTypes] = {"u8",  "i8",  "u16",  "i16",    "u32",
                                                          "i32", "f32", "bool", "string", "array",
                                                          "u64", "i64", "f64"};
  return kNames[static_cast<std::size_t>(type)];
}

uint32_t gguf_type_bytes(GgufType type) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kI8:
    case GgufType::kBool:
      return 1;
    case GgufType::kU16:
    case GgufType::kI16:
      return 2;
    case GgufType::kU32:
    case GgufType::kI32:
    case GgufType::kF32:
      return 4;
    case GgufType::kU64:
    case GgufType::kI64:
    case GgufType::kF64:
      return 8;
    case GgufType::kString:
    case GgufType::kArray:
      break;
  }
  return 0;
}

std::optional<int64_t> GgufValue::integer() const { return load_integer(type, bytes.data()); }

std::optional<double> GgufValue::number() const { return load_number(type, bytes.data()); }

std::optional<bool> GgufValue::boolean() const {
  if (type != GgufType::kBool) return std::nullopt;
  return bytes[0] != std::byte{0};
}

std::optional<std::string_view> GgufValue::string() const {
  if (type != GgufType::kString) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::optional<std::vector<std::string_view>> GgufValue::strings() const {
  if (type != GgufType::kArray || (element != GgufType::kString && count > 0)) return std::nullopt;
  std::vector<std::string_view> out;
  out.reserve(count);
  const std::byte* at = bytes.data();
  for (uint64_t i = 0; i < count; ++i) {
    const auto length = load<uint64_t>(at);
    out.emplace_back(reinterpret_cast<const char*>(at + 8), length);
    at += 8 + length;
  }
  return out;
}

std::optional<std::vector<int64_t>> GgufValue::integers() const {
  return load_array<int64_t>(*this, load_integer);
}

std::optional<std::vector<double>> GgufValue::numbers() const {
  return load_array<double>(*this, load_number);
}

Result<std::optional<int32_t>> Gguf::get_int(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto integer = value->integer();
  if (!integer || *integer < 0 || *integer > std::numeric_limits<int32_t>::max())
    return fail(wrong_kind(*this, key, *value, "a whole number from 0 to 2147483647"));
  return static_cast<int32_t>(*integer);
}

Result<std::optional<float>> Gguf::get_float(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto number = value->number();
  if (!number || !std::isfinite(static_cast<float>(*number)))
    return fail(wrong_kind(*this, key, *value, "a finite number"));
  return static_cast<float>(*number);
}

Result<std::optional<bool>> Gguf::get_bool(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto boolean = value->boolean();
  if (!boolean) return fail(wrong_kind(*this, key, *value, "true or false"));
  return *boolean;
}

Result<std::optional<std::string>> Gguf::get_string(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto text = value->string();
  if (!text) return fail(wrong_kind(*this, key, *value, "a text"));
  return std::string(*text);
}

}  // namespace holdfast
