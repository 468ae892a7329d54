// Writes a model as a Hugging Face directory: config.json, safetensors, tokenizer files.
#pragma once

#include <string>

#include "base/result.h"
#include "files/conversion.h"
#include "files/gguf_export.h"
#include "tensor/dtype.h"

namespace holdfast {

// `type`: kF32, kF16 or kBF16. DIRECTORY appears when all is written; one that exists is refused,
// whatever options.existing says. unimplemented for a model whose rope scaling config.json cannot
// express.
Status export_hf(const Conversion& model, DType type, const std::string& directory,
                 const ExportOptions& options);

// The texts of the directory, from the configuration and the tokenizer's arrays.
Result<std::string> hf_config_text(const ModelConfig& config, DType type,
                                   const TokenizerData& tokenizer);
// Empty when GGUF's name for the pre-tokenizer is one whose patterns we do not write, or the model
// is not byte-level BPE.
std::string hf_tokenizer_text(const TokenizerData& tokenizer);
std::string hf_tokenizer_config_text(const TokenizerData& tokenizer, const ModelConfig& config);
std::string hf_generation_config_text(const TokenizerData& tokenizer, const ModelConfig& config);

}  // namespace holdfast
