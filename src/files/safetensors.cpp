#include "files/safetensors.h"

#include <array>
#include <cstring>
#include <unordered_set>

#include <fmt/format.h>

#include "base/paged_bytes.h"
#include "files/describe.h"
#include "files/json_fields.h"

namespace holdfast {
namespace {

constexpr uint64_t kLongestHeader = 100'000'000;  // the reference implementation's limit
constexpr char kDamaged[] = "The file is damaged or incomplete; fetch it again";

struct SafeType {
  std::string_view name;
  uint32_t bits;
  std::optional<DType> type;
};

constexpr std::array kTypes{
    SafeType{"F64", 64, DType::kF64},     SafeType{"F32", 32, DType::kF32},
    SafeType{"F16", 16, DType::kF16},     SafeType{"BF16", 16, DType::kBF16},
    SafeType{"I64", 64, DType::kI64},     SafeType{"I32", 32, DType::kI32},
    SafeType{"I16", 16, DType::kI16},     SafeType{"I8", 8, DType::kI8},
    SafeType{"U64", 64, std::nullopt},    SafeType{"U32", 32, std::nullopt},
    SafeType{"U16", 16, std::nullopt},    SafeType{"U8", 8, std::nullopt},
    SafeType{"BOOL", 8, std::nullopt},    SafeType{"F8_E4M3", 8, DType::kF8_E4M3},
    SafeType{"F8_E5M2", 8, std::nullopt}, SafeType{"F8_E8M0", 8, std::nullopt},
    SafeType{"F4", 4, std::nullopt},      SafeType{"F6_E2M3", 6, std::nullopt},
    SafeType{"F6_E3M2", 6, std::nullopt}, SafeType{"C64", 64, std::nullopt},
};

const SafeType* find_type(std::string_view name) {
  for (const SafeType& type : kTypes) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

tl::unexpected<Error> corrupt(std::string message, const std::string& where) {
  return fail(Code::kCorrupt, std::move(message), where, kDamaged);
}

// `data_begin`, `data_bytes`: where the tensors' bytes lie in the file.
Result<SafeTensor> read_tensor(std::string_view name, const JsonObject& entry,
                               const std::string& file, uint64_t data_begin, uint64_t data_bytes) {
  const std::string what = fmt::format("tensor '{}'", printable(name));
  SafeTensor tensor;
  tensor.name = name;
  ASSIGN_OR_RETURN(const auto dtype, entry.get_string("dtype"));
  ASSIGN_OR_RETURN(const auto shape, entry.get_ints("shape"));
  ASSIGN_OR_RETURN(const auto offsets, entry.get_ints("data_offsets"));
  if (!dtype || !shape || !offsets || offsets->size() != 2)
    return corrupt(what + " lacks dtype, shape or data_offsets", file);
  const SafeType* type = find_type(*dtype);
  if (type == nullptr)
    return corrupt(fmt::format("{} is of the unknown type '{}'", what, printable(*dtype)), file);
  tensor.dtype = *dtype;
  tensor.type = type->type;
  if (shape->size() > tensor.shape.dims.size())
    return corrupt(fmt::format("{} has {} dimensions; 4 are possible", what, shape->size()), file);
  uint64_t elements = 1;
  for (const int64_t dim : *shape) {
    if (dim < 0 ||
        (dim > 0 && elements > static_cast<uint64_t>(INT64_MAX) / 64 / static_cast<uint64_t>(dim)))
      return corrupt(fmt::format("{} has an impossible dimension {}", what, dim), file);
    elements *= static_cast<uint64_t>(dim);
    tensor.shape.dims[static_cast<std::size_t>(tensor.shape.rank++)] = dim;
  }
  const int64_t begin = (*offsets)[0], end = (*offsets)[1];
  if (begin < 0 || end < begin || static_cast<uint64_t>(end) > data_bytes) {
    return corrupt(fmt::format("{} lies at bytes {} to {}; the file has {} bytes of tensors", what,
                               begin, end, data_bytes),
                   file);
  }
  tensor.offset = data_begin + static_cast<uint64_t>(begin);
  tensor.bytes = static_cast<uint64_t>(end - begin);
  if (elements * type->bits % 8 != 0 || tensor.bytes != elements * type->bits / 8) {
    return corrupt(fmt::format("{} ({} {}) needs {} bytes; the header gives it {}", what, *dtype,
                               shape_text(tensor.shape), elements * type->bits / 8, tensor.bytes),
                   at_byte(file, tensor.offset));
  }
  return tensor;
}

}  // namespace

Result<std::shared_ptr<const Safetensors>> Safetensors::parse(
    std::shared_ptr<const ByteSource> source) {
  auto result = std::make_shared<Safetensors>();
  result->source = std::move(source);
  if (const auto mapped = result->source->map()) {
    result->contents = *mapped;
  } else {
    result->owned_.resize(result->source->size());
    RETURN_IF_ERROR(result->source->read(0, result->owned_));
    result->contents = result->owned_;
  }
  const std::string& file = result->file();
  const auto all = result->contents;
  uint64_t length = 0;
  if (all.size() < sizeof length) return corrupt("the file is too short for safetensors", file);
  RETURN_IF_ERROR(fetch_bytes(all.first(sizeof length)));
  std::memcpy(&length, all.data(), sizeof length);
  if (length > all.size() - sizeof length || length > kLongestHeader) {
    return corrupt(fmt::format("the header is said to be {} bytes long; the file has {}", length,
                               all.size() - sizeof length),
                   at_byte(file, 0));
  }
  RETURN_IF_ERROR(fetch_bytes(all.subspan(sizeof length, length)));
  const std::string_view header(reinterpret_cast<const char*>(all.data() + sizeof length), length);
  ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::parse(file, header));
  const JsonObject root = document.root();
  const uint64_t data_begin = sizeof length + length;
  std::unordered_set<std::string_view> seen;
  ASSIGN_OR_RETURN(const auto entries, root.objects());
  for (const auto& [key, entry] : entries) {
    if (!seen.insert(key).second)
      return corrupt(fmt::format("tensor '{}' comes twice", printable(key)), file);
    if (key == "__metadata__") {
      ASSIGN_OR_RETURN(const auto texts, entry.strings());
      result->metadata.assign(texts.begin(), texts.end());
      continue;
    }
    ASSIGN_OR_RETURN(auto tensor,
                     read_tensor(key, entry, file, data_begin, all.size() - data_begin));
    result->tensors.push_back(std::move(tensor));
  }
  for (std::size_t i = 0; i < result->tensors.size(); ++i)
    result->names_.emplace(result->tensors[i].name, i);
  return result;
}

const SafeTensor* Safetensors::find(std::string_view name) const {
  const auto it = names_.find(name);
  return it == names_.end() ? nullptr : &tensors[it->second];
}

}  // namespace holdfast
