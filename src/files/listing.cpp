#include "files/listing.h"

#include <filesystem>

#include <fmt/format.h>

#include "files/describe.h"
#include "files/gguf_model.h"
#include "files/hf_directory.h"
#include "files/json_fields.h"
#include "files/json_writer.h"

namespace holdfast {
namespace {

constexpr uint64_t kShownElements = 8;
constexpr std::size_t kShownCharacters = 100;

void put_scalar(JsonWriter& json, const GgufValue& value) {
  if (const auto text = value.string()) {
    json.value(*text);
  } else if (const auto truth = value.boolean()) {
    json.value(*truth);
  } else if (const auto integer = value.integer()) {
    json.value(*integer);
  } else if (value.type == GgufType::kF32) {
    json.value(static_cast<float>(*value.number()));
  } else if (value.type == GgufType::kF64) {
    json.value(*value.number());
  } else {  // beyond int64
    uint64_t number = 0;
    for (std::size_t i = 0; i < 8; ++i)
      number |= std::to_integer<uint64_t>(value.bytes[i]) << (8 * i);
    json.value(number);
  }
}

// The first elements, "..." for more.
void put_array(JsonWriter& json, const GgufValue& array, uint64_t most) {
  json.begin_array();
  const uint64_t shown = std::min(array.count, most);
  const uint32_t width = gguf_type_bytes(array.element);
  std::size_t at = 0;
  for (uint64_t i = 0; i < shown && array.element != GgufType::kArray; ++i) {
    GgufValue one{array.element, array.element, 0, {}, array.offset};
    std::size_t length = width;
    if (array.element == GgufType::kString) {
      length = 0;
      for (std::size_t b = 0; b < 8; ++b)
        length |= std::to_integer<std::size_t>(array.bytes[at + b]) << (8 * b);
      at += 8;
    }
    one.bytes = array.bytes.subspan(at, length);
    at += length;
    put_scalar(json, one);
  }
  json.end_array();
}

ListedKey list_key(const GgufPair& pair) {
  const GgufValue& value = pair.value;
  ListedKey out{std::string(pair.key), std::string(gguf_type_name(value.type)), "", ""};
  JsonWriter json;
  if (value.type == GgufType::kArray) {
    out.type = fmt::format("array of {} {}", value.count, gguf_type_name(value.element));
    put_array(json, value, kShownElements);
    out.text = json.text();
    if (value.count > kShownElements && out.text.size() > 1)
      out.text.replace(out.text.size() - 1, 1, ", ...]");
  } else {
    put_scalar(json, value);
    out.text = json.text();
  }
  out.json = json.text();
  return out;
}

void cut(ListedKey& key) {
  if (key.text.size() <= kShownCharacters) return;
  std::size_t end = kShownCharacters;
  while (end > 0 && (static_cast<unsigned char>(key.text[end]) & 0xc0u) == 0x80u) --end;
  key.text.resize(end);
  key.text += "...";
}

Result<Listing> list_gguf(const std::string& path, const FileOpener& opener) {
  ASSIGN_OR_RETURN(const auto parts, open_gguf_parts(path, opener));
  Listing out;
  out.format = "GGUF";
  out.version = parts.front()->version;
  out.alignment = parts.front()->alignment;
  for (const GgufPair& pair : parts.front()->pairs) out.metadata.push_back(list_key(pair));
  for (const auto& part : parts) {
    out.files.push_back(part->file());
    out.bytes += part->contents.size();
    for (const GgufTensor& tensor : part->tensors) {
      out.tensors.push_back({std::string(tensor.name), std::string(dtype_info(tensor.type).name),
                             tensor.shape, tensor.offset, tensor.bytes, part->file()});
    }
  }
  return out;
}

void add_shard(const Safetensors& shard, Listing& out) {
  out.files.push_back(shard.file());
  out.bytes += shard.contents.size();
  for (const SafeTensor& tensor : shard.tensors) {
    out.tensors.push_back({tensor.name,
                           tensor.type ? std::string(dtype_info(*tensor.type).name) : tensor.dtype,
                           tensor.shape, tensor.offset, tensor.bytes, shard.file()});
  }
}

Result<Listing> list_safetensors(const std::string& path, const FileOpener& opener) {
  ASSIGN_OR_RETURN(auto source, opener(path));
  ASSIGN_OR_RETURN(const auto shard, Safetensors::parse(std::move(source)));
  Listing out;
  out.format = "safetensors";
  for (const auto& [key, value] : shard->metadata) {
    const std::string json = JsonWriter().value(value).text();
    out.metadata.push_back({key, "string", json, json});
  }
  add_shard(*shard, out);
  return out;
}

Result<Listing> list_directory(const std::string& path, const FileOpener& opener) {
  Listing out;
  out.format = "safetensors";
  ASSIGN_OR_RETURN(const std::string config, read_text(path, "config.json", opener));
  if (!config.empty()) {
    ASSIGN_OR_RETURN(const auto document, JsonDocument::parse(path + "/config.json", config));
    for (auto& [key, json] : document.root().texts())
      out.metadata.push_back({std::string(key), "json", json, json});
  }
  ASSIGN_OR_RETURN(const HfWeights weights, HfWeights::open(path, opener));
  for (const auto& shard : weights.shards) add_shard(*shard, out);
  return out;
}

}  // namespace

Result<Listing> list_model(const std::string& path, const FileOpener& opener) {
  std::error_code error;
  const bool directory = std::filesystem::is_directory(path, error);
  ASSIGN_OR_RETURN(Listing out, directory                        ? list_directory(path, opener)
                                : path.ends_with(".safetensors") ? list_safetensors(path, opener)
                                                                 : list_gguf(path, opener));
  for (ListedKey& key : out.metadata) cut(key);
  return out;
}

}  // namespace holdfast
