// The files of a Hugging Face model directory.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "files/model_file.h"
#include "files/safetensors.h"

namespace holdfast {

// Where a tensor lies.
struct StoredTensor {
  const SafeTensor* tensor = nullptr;
  const Safetensors* shard = nullptr;
};

// All safetensors of a directory: model.safetensors, or the shards that
// model.safetensors.index.json names.
struct HfWeights {
  std::vector<std::shared_ptr<const Safetensors>> shards;      // by file name
  std::unordered_map<std::string_view, StoredTensor> tensors;  // by Hugging Face's name

  // not_found for a missing file (named); corrupt for an index that names a tensor no shard has, or
  // a file outside the directory.
  static Result<HfWeights> open(const std::string& directory, const FileOpener& opener = open_file);
};

// tokenizer.json, tokenizer_config.json, generation_config.json and the chat template (from
// chat_template.jinja, chat_template.json or tokenizer_config.json). Missing files leave fields
// empty.
Result<TokenizerData> hf_tokenizer(const std::string& directory,
                                   const FileOpener& opener = open_file);

// A small text file of the directory; empty when there is none.
Result<std::string> read_text(const std::string& directory, std::string_view name,
                              const FileOpener& opener = open_file);

}  // namespace holdfast
