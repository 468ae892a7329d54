// A model in a Hugging Face directory: config.json, safetensors, tokenizer files.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "files/byte_source.h"
#include "files/model_file.h"

namespace holdfast {

Result<std::shared_ptr<const ModelFile>> open_hf_model(const std::string& directory,
                                                       const FileOpener& opener = open_file);

}  // namespace holdfast
