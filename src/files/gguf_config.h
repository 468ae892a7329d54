// GGUF metadata in the forms the rest of the house reads.
#pragma once

#include "base/result.h"
#include "files/gguf.h"
#include "files/model_file.h"

namespace holdfast {

// The architecture's keys. For a family we know, a missing or impossible key is corrupt, naming it;
// for others only what is common to all is filled in, as far as it is there (so that tokenizers and
// `inspect` work). `tensors` finds tensors in all parts of a split file.
Result<ModelConfig> gguf_config(const Gguf& gguf, const ModelFile& tensors);

// tokenizer.ggml.* and the chat template; empty fields where keys are missing.
Result<TokenizerData> gguf_tokenizer(const Gguf& gguf);

}  // namespace holdfast
