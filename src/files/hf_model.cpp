#include "files/hf_model.h"

#include <cstring>
#include <filesystem>
#include <map>
#include <unordered_map>

#include <fmt/format.h>

#include "base/paged_bytes.h"
#include "files/describe.h"
#include "files/hf_config.h"
#include "files/hf_directory.h"
#include "files/hf_names.h"
#include "files/sentence_transformer.h"
#include "tensor/blocks.h"

namespace holdfast {
namespace {

struct Item {
  TensorView view;
  const Safetensors* shard = nullptr;  // null: this one is not there
  uint64_t offset = 0;
};

class HfModel final : public ModelFile {
 public:
  explicit HfModel(std::string path) : path_(std::move(path)) {}

  Status init(const FileOpener& opener) {
    ASSIGN_OR_RETURN(const std::string text, read_text(path_, "config.json", opener));
    if (text.empty()) {
      return fail(Code::kNotFound, "the directory has no config.json", path_,
                  "Name a Hugging Face model directory or a .gguf file");
    }
    const std::string file = (std::filesystem::path(path_) / "config.json").string();
    ASSIGN_OR_RETURN(hf_, hf_config(file, text));
    ASSIGN_OR_RETURN(weights_, HfWeights::open(path_, opener));
    for (const auto& [name, stored] : weights_.tensors) RETURN_IF_ERROR(add(stored));
    list();
    hf_.model.tied_embeddings = hf_.tie_word_embeddings || !has("output.weight");
    RETURN_IF_ERROR(read_encoder(opener));
    hf_.model.name = std::filesystem::path(path_ + "/").parent_path().filename().string();
    ASSIGN_OR_RETURN(tokenizer_, hf_tokenizer(path_, opener));
    ASSIGN_OR_RETURN(hf_.model.sampling, hf_sampling(path_ + "/generation_config.json",
                                                     tokenizer_.generation_config_json));
    return {};
  }

  const std::string& path() const override { return path_; }
  const ModelConfig& config() const override { return hf_.model; }
  const TokenizerData& tokenizer() const override { return tokenizer_; }
  const std::vector<TensorEntry>& tensors() const override { return entries_; }

  bool has(std::string_view name) const override {
    return items_.contains(name) || stacks_.contains(name);
  }

  Result<TensorView> tensor(std::string_view name) const override {
    if (const auto it = items_.find(name); it != items_.end()) return it->second.view;
    if (stacks_.contains(name)) {
      return fail(Code::kUnimplemented, fmt::format("tensor '{}' is stored expert by expert", name),
                  path_);
    }
    return missing_tensor(name);
  }

  Result<TensorView> expert(std::string_view name, int32_t index) const override {
    const auto it = stacks_.find(name);
    if (it == stacks_.end()) return missing_tensor(name);
    const auto& stack = it->second;
    if (index < 0 || index >= static_cast<int32_t>(stack.size()) ||
        stack[static_cast<std::size_t>(index)].shard == nullptr) {
      return fail(Code::kNotFound, fmt::format("expert {} of tensor '{}' is missing", index, name),
                  path_, "The directory is incomplete; fetch all files of the model");
    }
    return stack[static_cast<std::size_t>(index)].view;
  }

 private:
  // What the directory says beside config.json about embeddings and labels.
  Status read_encoder(const FileOpener& opener) {
    if (hf_.model.is_encoder() && has("cls.output.weight")) {
      ASSIGN_OR_RETURN(const TensorView view, tensor("cls.output.weight"));
      if (view.shape.rank != 2 || view.rows() > INT32_MAX) {
        return fail(Code::kCorrupt,
                    fmt::format("the classifier has shape {}", shape_text(view.shape)), path_);
      }
      hf_.model.encoder.labels = static_cast<int32_t>(view.rows());
    }
    return read_sentence_transformer(path_, opener, hf_.model);
  }

  // Files one stored tensor under its GGUF name. Names no family has are left alone.
  Status add(const StoredTensor& stored) {
    auto name = gguf_name(stored.tensor->name);
    if (!name || name->layer >= hf_.model.layers) return {};  // next-token layers lie behind
    if (name->name == "output.weight" && hf_.tie_word_embeddings) return {};
    ASSIGN_OR_RETURN(const Item item, item_of(stored));
    const bool stacked = name->name.ends_with("_exps.weight");
    if (!stacked) {
      items_.emplace(std::move(name->name), item);
      return {};
    }
    if (name->expert >= 0) return put_expert(name->name, name->expert, item);
    return split_stack(*name, item);
  }

  Status put_expert(const std::string& name, int32_t index, const Item& item) {
    if (index >= hf_.model.moe.experts) {
      return fail(Code::kCorrupt,
                  fmt::format("expert {} of tensor '{}' is one too many; config.json says {}",
                              index, name, hf_.model.moe.experts),
                  at_byte(item.shard->file(), item.offset));
    }
    auto& stack = stacks_[name];
    stack.resize(static_cast<std::size_t>(hf_.model.moe.experts));
    stack[static_cast<std::size_t>(index)] = item;
    return {};
  }

  // [experts, out, in], or [experts, 2 * out, in] with the gates in front.
  Status split_stack(const GgufName& name, const Item& item) {
    const Shape& shape = item.view.shape;
    if (shape.rank != 3 || shape[0] != hf_.model.moe.experts || !item.view.scales.empty() ||
        (name.gate_and_up && shape[1] % 2 != 0)) {
      return fail(Code::kCorrupt,
                  fmt::format("tensor '{}' has shape {}, which is no stack of {} experts",
                              name.name, shape_text(shape), hf_.model.moe.experts),
                  at_byte(item.shard->file(), item.offset));
    }
    const std::size_t parts = name.gate_and_up ? 2 : 1;
    const auto experts = static_cast<std::size_t>(shape[0]);
    const std::size_t bytes = item.view.bytes.size() / experts / parts;
    std::string up = name.name;
    if (name.gate_and_up) up.replace(up.find("gate"), 4, "up");
    for (std::size_t i = 0; i < experts * parts; ++i) {
      Item one = item;
      one.view.shape = {{shape[1] / static_cast<int64_t>(parts), shape[2]}, 2};
      one.view.bytes = item.view.bytes.subspan(i * bytes, bytes);
      one.offset += i * bytes;
      RETURN_IF_ERROR(
          put_expert(i % parts == 0 ? name.name : up, static_cast<int32_t>(i / parts), one));
    }
    return {};
  }

  Result<Item> item_of(const StoredTensor& stored) {
    const SafeTensor& tensor = *stored.tensor;
    if (!tensor.type) {
      return fail(Code::kUnimplemented,
                  fmt::format("tensor '{}' is of type {}; read are BF16, F16, F32 and F8_E4M3",
                              tensor.name, tensor.dtype),
                  at_byte(stored.shard->file(), tensor.offset));
    }
    Item item;
    item.view.type = *tensor.type;
    item.view.shape = tensor.shape;
    item.view.bytes = stored.shard->bytes_of(tensor);
    item.shard = stored.shard;
    item.offset = tensor.offset;
    if (*tensor.type == DType::kF8_E4M3) RETURN_IF_ERROR(attach_scales(stored, item.view));
    return item;
  }

  Status attach_scales(const StoredTensor& stored, TensorView& view) {
    const std::string name = stored.tensor->name + "_scale_inv";
    const std::string where = at_byte(stored.shard->file(), stored.tensor->offset);
    const auto it = weights_.tensors.find(name);
    if (it == weights_.tensors.end() || hf_.scale_block == 0) {
      return fail(Code::kCorrupt,
                  fmt::format("tensor '{}' is of type F8_E4M3 but has no block scales ('{}')",
                              printable(stored.tensor->name), printable(name)),
                  where, "The directory is incomplete; fetch all files of the model");
    }
    const SafeTensor& scales = *it->second.tensor;
    const int64_t block = hf_.scale_block;
    const Shape expected{{(view.rows() + block - 1) / block, (view.cols() + block - 1) / block}, 2};
    if (view.shape.rank != 2 || scales.shape != expected) {
      return fail(Code::kCorrupt,
                  fmt::format("tensor '{}' has shape {}; {} is needed for {} with blocks of {}",
                              printable(name), shape_text(scales.shape), shape_text(expected),
                              shape_text(view.shape), block),
                  at_byte(it->second.shard->file(), scales.offset));
    }
    if (scales.type != DType::kF32 && scales.type != DType::kBF16 && scales.type != DType::kF16) {
      return fail(Code::kUnimplemented,
                  fmt::format("tensor '{}' is of type {}; scales are read in F32, BF16 and F16",
                              printable(name), scales.dtype),
                  at_byte(it->second.shard->file(), scales.offset));
    }
    view.scale_block = block;
    const auto bytes = it->second.shard->bytes_of(scales);
    const auto count = static_cast<std::size_t>(expected.elements());
    RETURN_IF_ERROR(fetch_bytes(bytes));
    if (scales.type == DType::kF32 &&
        reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(float) == 0) {
      view.scales = {reinterpret_cast<const float*>(bytes.data()), count};
      return {};
    }
    auto& copy = scale_copies_[scales.name];  // the file does not align its tensors
    copy.resize(count);
    dequantize(*scales.type, bytes.data(), copy.data(), static_cast<int64_t>(count));
    view.scales = copy;
    return {};
  }

  void list() {
    for (const auto& [name, item] : items_) {
      entries_.push_back({name, item.view.type, item.view.shape, item.offset,
                          item.view.bytes.size(), item.shard->file()});
    }
    for (const auto& [name, stack] : stacks_) {
      TensorEntry entry{name, DType::kF32, {}, 0, 0, ""};
      for (const Item& item : stack) {
        if (item.shard == nullptr) continue;
        if (entry.file.empty()) {
          entry.type = item.view.type;
          entry.shape = {{static_cast<int64_t>(stack.size()), item.view.rows(), item.view.cols()},
                         3};
          entry.offset = item.offset;
          entry.file = item.shard->file();
        }
        entry.bytes += item.view.bytes.size();
      }
      entries_.push_back(std::move(entry));
    }
  }

  std::string path_;
  HfConfig hf_;
  HfWeights weights_;
  std::map<std::string, Item, std::less<>> items_;
  std::map<std::string, std::vector<Item>, std::less<>> stacks_;  // of experts
  std::unordered_map<std::string_view, std::vector<float>> scale_copies_;
  std::vector<TensorEntry> entries_;
  TokenizerData tokenizer_;
};

}  // namespace

Result<std::shared_ptr<const ModelFile>> open_hf_model(const std::string& directory,
                                                       const FileOpener& opener) {
  auto model = std::make_shared<HfModel>(directory);
  RETURN_IF_ERROR(model->init(opener));
  return model;
}

}  // namespace holdfast
