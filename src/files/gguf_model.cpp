#include "files/gguf_model.h"

#include <utility>

#include <fmt/format.h>

#include "files/describe.h"
#include "files/gguf_config.h"

namespace holdfast {
namespace {

class GgufModel final : public ModelFile {
 public:
  GgufModel(std::string path, std::vector<std::shared_ptr<const Gguf>> parts)
      : path_(std::move(path)), parts_(std::move(parts)) {}

  Status init() {
    for (const auto& part : parts_) {
      for (const GgufTensor& tensor : part->tensors) {
        if (!index_.emplace(tensor.name, entries_.size()).second) {
          return fail(
              Code::kCorrupt,
              fmt::format("tensor '{}' is in two parts of the model", printable(tensor.name)),
              part->file(), "Fetch all parts from the same place");
        }
        entries_.push_back({std::string(tensor.name), tensor.type, tensor.shape, tensor.offset,
                            tensor.bytes, part->file()});
        contents_.push_back(part->contents.subspan(tensor.offset, tensor.bytes));
      }
    }
    ASSIGN_OR_RETURN(config_, gguf_config(*parts_.front(), *this));
    ASSIGN_OR_RETURN(tokenizer_, gguf_tokenizer(*parts_.front()));
    return {};
  }

  const std::string& path() const override { return path_; }
  const ModelConfig& config() const override { return config_; }
  const TokenizerData& tokenizer() const override { return tokenizer_; }
  const std::vector<TensorEntry>& tensors() const override { return entries_; }
  bool has(std::string_view name) const override { return index_.contains(name); }

  Result<TensorView> tensor(std::string_view name) const override {
    const auto it = index_.find(name);
    if (it == index_.end()) return missing_tensor(name);
    const TensorEntry& entry = entries_[it->second];
    TensorView view;
    view.type = entry.type;
    view.shape = entry.shape;
    view.bytes = contents_[it->second];
    return view;
  }

  Result<TensorView> expert(std::string_view name, int32_t index) const override {
    ASSIGN_OR_RETURN(TensorView view, tensor(name));
    if (view.shape.rank != 3 || index < 0 || index >= view.shape[0]) {
      return fail(
          Code::kCorrupt,
          fmt::format("tensor '{}' {} has no expert {}", name, shape_text(view.shape), index),
          path_, "The file was written wrongly; convert the model again");
    }
    const std::size_t bytes = view.bytes.size() / static_cast<std::size_t>(view.shape[0]);
    view.bytes = view.bytes.subspan(bytes * static_cast<std::size_t>(index), bytes);
    view.shape = {{view.shape[1], view.shape[2]}, 2};
    return view;
  }

 private:
  std::string path_;
  std::vector<std::shared_ptr<const Gguf>> parts_;
  std::vector<TensorEntry> entries_;
  std::vector<std::span<const std::byte>> contents_;         // of each entry
  std::unordered_map<std::string_view, std::size_t> index_;  // keys point into the parts
  ModelConfig config_;
  TokenizerData tokenizer_;
};

}  // namespace

Result<std::shared_ptr<const ModelFile>> gguf_model(
    std::string path, std::vector<std::shared_ptr<const Gguf>> parts) {
  auto model = std::make_shared<GgufModel>(std::move(path), std::move(parts));
  RETURN_IF_ERROR(model->init());
  return model;
}

Result<std::shared_ptr<const ModelFile>> open_gguf_model(const std::string& path,
                                                         const FileOpener& opener) {
  ASSIGN_OR_RETURN(auto parts, open_gguf_parts(path, opener));
  return gguf_model(path, std::move(parts));
}

}  // namespace holdfast
