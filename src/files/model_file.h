// A model on disk, the same whether it is one GGUF, a split GGUF, or a Hugging Face directory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "files/byte_source.h"
#include "files/model_config.h"
#include "tensor/tensor_view.h"

namespace holdfast {

struct TensorEntry {
  std::string name;  // canonical, see below
  DType type;
  Shape shape;      // outermost first
  uint64_t offset;  // in its file
  uint64_t bytes;
  std::string file;
};

// What the tokenizer is made from. A GGUF fills the arrays; a Hugging Face directory hands its JSON
// files over.
struct TokenizerData {
  // From GGUF (tokenizer.ggml.*).
  std::string model;  // "gpt2" (byte-level BPE) or "llama" (SentencePiece BPE)
  std::string pre;    // "qwen2", "deepseek-r1-qwen", "llama-bpe", "deepseek-v3", ...
  std::vector<std::string> tokens;
  std::vector<float> scores;
  std::vector<int32_t> types;  // 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte
  std::vector<std::string> merges;
  std::optional<int32_t> bos, eos, eot, unk, pad;
  std::optional<bool> add_bos, add_eos, add_space_prefix;
  // From a Hugging Face directory; empty otherwise.
  std::string tokenizer_json, tokenizer_config_json, generation_config_json;
  std::string vocab_txt;  // BERT's, a token a line; only without tokenizer.json

  std::string chat_template;  // Jinja source; empty when the model has none
};

// Tensors go by GGUF's names ("blk.0.attn_q.weight"); Hugging Face's are mapped to them. Mapped
// memory lives as long as this object. Thread-safe: const after open.
class ModelFile {
 public:
  virtual ~ModelFile() = default;

  // PATH is a .gguf (any part of a split one) or a Hugging Face directory.
  static Result<std::shared_ptr<const ModelFile>> open(const std::string& path,
                                                       const FileOpener& opener = open_file);

  virtual const std::string& path() const = 0;
  virtual const ModelConfig& config() const = 0;
  virtual const TokenizerData& tokenizer() const = 0;
  virtual const std::vector<TensorEntry>& tensors() const = 0;

  virtual bool has(std::string_view name) const = 0;
  // not_found naming the tensor. The view stays valid as long as this object.
  virtual Result<TensorView> tensor(std::string_view name) const = 0;
  // One expert's [out, in] matrix of a stack such as "blk.3.ffn_gate_exps.weight" (a GGUF slices
  // its [experts, out, in] tensor; a Hugging Face directory finds the expert's own tensor).
  virtual Result<TensorView> expert(std::string_view name, int32_t index) const = 0;

  // tensor(), checked: invalid shapes are `corrupt`, types that nothing computes with
  // `unimplemented`; both name the tensor, its file, what was found and what was expected.
  Result<TensorView> tensor(std::string_view name, const Shape& expected) const;
  Result<TensorView> expert(std::string_view name, int32_t index, const Shape& expected) const;

 protected:
  tl::unexpected<Error> missing_tensor(std::string_view name) const;
};

}  // namespace holdfast
