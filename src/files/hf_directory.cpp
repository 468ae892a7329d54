#include "files/hf_directory.h"

#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "files/describe.h"
#include "files/json_fields.h"

namespace holdfast {
namespace {

constexpr char kIndex[] = "model.safetensors.index.json";
constexpr char kSingle[] = "model.safetensors";
constexpr uint64_t kLongestText = 1ull << 30;

std::string in(const std::string& directory, std::string_view name) {
  return (std::filesystem::path(directory) / name).string();
}

Result<std::shared_ptr<const Safetensors>> open_shard(const std::string& path,
                                                      const FileOpener& opener) {
  ASSIGN_OR_RETURN(auto source, opener(path));
  return Safetensors::parse(std::move(source));
}

// The tensors by the file that has them, as the index says.
Result<std::map<std::string, std::vector<std::string>>> read_index(const std::string& path,
                                                                   std::string_view text) {
  ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::parse(path, text));
  ASSIGN_OR_RETURN(const auto map, document.root().get_object("weight_map"));
  if (!map)
    return fail(Code::kCorrupt, "the field is missing", document.root().where("weight_map"));
  ASSIGN_OR_RETURN(const auto entries, map->strings());
  std::map<std::string, std::vector<std::string>> out;
  for (const auto& [tensor, file] : entries) {
    // A file of this directory, not a way out of it.
    if (file.empty() || file.find('/') != std::string_view::npos ||
        file.find('\0') != std::string_view::npos || file == "." || file == "..")
      return fail(Code::kCorrupt, fmt::format("'{}' is not a plain file name", printable(file)),
                  map->where(tensor));
    out[std::string(file)].emplace_back(tensor);
  }
  return out;
}

Error missing_weights(const std::string& directory) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".bin" || extension == ".pt" || extension == ".pth") {
      return {Code::kUnimplemented,
              "the weights are in PyTorch's pickle format, which can run code when it is read",
              entry.path().string(), "Save the model as safetensors"};
    }
  }
  return {Code::kNotFound, fmt::format("the directory has neither {} nor {}", kSingle, kIndex),
          directory, "Fetch the model's .safetensors files into it"};
}

}  // namespace

Result<std::string> read_text(const std::string& directory, std::string_view name,
                              const FileOpener& opener) {
  const std::string path = in(directory, name);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::string();
  ASSIGN_OR_RETURN(const auto source, opener(path));
  if (source->size() > kLongestText)
    return fail(Code::kCorrupt, "the file is too long for a text", path);
  std::string text(source->size(), '\0');
  RETURN_IF_ERROR(source->read(0, std::as_writable_bytes(std::span(text))));
  return text;
}

Result<HfWeights> HfWeights::open(const std::string& directory, const FileOpener& opener) {
  HfWeights weights;
  std::error_code error;
  ASSIGN_OR_RETURN(const std::string index, read_text(directory, kIndex, opener));
  if (index.empty()) {
    if (!std::filesystem::exists(in(directory, kSingle), error))
      return fail(missing_weights(directory));
    ASSIGN_OR_RETURN(auto shard, open_shard(in(directory, kSingle), opener));
    for (const SafeTensor& tensor : shard->tensors)
      weights.tensors.emplace(tensor.name, StoredTensor{&tensor, shard.get()});
    weights.shards.push_back(std::move(shard));
    return weights;
  }
  ASSIGN_OR_RETURN(const auto files, read_index(in(directory, kIndex), index));
  for (const auto& [file, tensors] : files) {
    ASSIGN_OR_RETURN(auto shard, open_shard(in(directory, file), opener));
    for (const std::string& name : tensors) {
      const SafeTensor* tensor = shard->find(name);
      if (tensor == nullptr) {
        return fail(
            Code::kCorrupt,
            fmt::format("tensor '{}' is not in the file that {} names", printable(name), kIndex),
            shard->file(), "Fetch all files of the model from the same place");
      }
      if (!weights.tensors.emplace(tensor->name, StoredTensor{tensor, shard.get()}).second) {
        return fail(Code::kCorrupt, fmt::format("tensor '{}' comes twice", printable(name)),
                    in(directory, kIndex));
      }
    }
    weights.shards.push_back(std::move(shard));
  }
  return weights;
}

namespace {

// "chat_template": a text, or a list of {"name", "template"}, of which "default" is taken.
Result<std::string> template_in(const std::string& file, std::string_view text) {
  ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::parse(file, text));
  ASSIGN_OR_RETURN(const auto named, document.root().get_named_texts("chat_template"));
  if (!named || named->empty()) return std::string();
  for (const auto& [name, source] : *named) {
    if (name.empty() || name == "default") return source;
  }
  return named->front().second;
}

}  // namespace

Result<TokenizerData> hf_tokenizer(const std::string& directory, const FileOpener& opener) {
  TokenizerData data;
  ASSIGN_OR_RETURN(data.tokenizer_json, read_text(directory, "tokenizer.json", opener));
  if (data.tokenizer_json.empty()) {
    ASSIGN_OR_RETURN(data.vocab_txt, read_text(directory, "vocab.txt", opener));
  }
  ASSIGN_OR_RETURN(data.tokenizer_config_json,
                   read_text(directory, "tokenizer_config.json", opener));
  ASSIGN_OR_RETURN(data.generation_config_json,
                   read_text(directory, "generation_config.json", opener));
  ASSIGN_OR_RETURN(data.chat_template, read_text(directory, "chat_template.jinja", opener));
  for (const char* name : {"chat_template.json", "tokenizer_config.json"}) {
    if (!data.chat_template.empty()) break;
    ASSIGN_OR_RETURN(const std::string text, read_text(directory, name, opener));
    if (text.empty()) continue;
    ASSIGN_OR_RETURN(data.chat_template, template_in(in(directory, name), text));
  }
  return data;
}

}  // namespace holdfast
