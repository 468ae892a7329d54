// A Hugging Face tokenizer.json as the arrays that GGUF holds.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "files/model_config.h"
#include "files/model_file.h"

namespace holdfast {

// Fills the GGUF fields from `data`'s Hugging Face texts; without a tokenizer.json they stay empty.
// Tokens are filled up to config.vocab with unused ones. unimplemented, naming it, for a model or
// pre-tokenizer that GGUF has no name for; `directory` names the texts in errors.
Result<TokenizerData> tokenizer_arrays(const TokenizerData& data, const ModelConfig& config,
                                       const std::string& directory);

// tokenizer.json's pre_tokenizer as a GGUF name ("qwen2"), from the patterns it splits by, in
// order. Empty for an unknown one. `individual_digits`: a Digits step is among them.
std::string pretokenizer_name(const std::vector<std::string>& patterns, bool individual_digits);

// The other way: the patterns a name stands for; empty for names whose tokenizer.json we do not
// write.
std::vector<std::string> pretokenizer_patterns(std::string_view name);

}  // namespace holdfast
