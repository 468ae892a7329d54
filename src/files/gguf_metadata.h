// A model's configuration and tokenizer as GGUF metadata: what gguf_config.h reads, written.
#pragma once

#include "files/gguf_writer.h"
#include "files/model_config.h"
#include "files/model_file.h"

namespace holdfast {

void put_config(const ModelConfig& config, GgufWriter& writer);
// The arrays and ids of `tokenizer` (not its Hugging Face texts), and the chat template.
void put_tokenizer(const TokenizerData& tokenizer, GgufWriter& writer);

}  // namespace holdfast
