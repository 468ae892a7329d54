// One number for what a model consists of, such as others can compute.
#pragma once

#include <string>

#include "base/result.h"

namespace holdfast {

// Of a model in one file: the file's SHA-256, as `sha256sum` prints it. Of a split GGUF or a
// Hugging Face directory: the SHA-256 of what `LC_ALL=C sha256sum FILES...` prints for its files,
// in the order of their names, named without the folder; of a directory these are *.json, *.jinja,
// *.model,
// *.txt and *.safetensors. Reads everything, several files at once.
Result<std::string> model_digest(const std::string& path);

}  // namespace holdfast
