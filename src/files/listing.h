// What is in a model file or directory, whatever its architecture and types: for `inspect`.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "files/byte_source.h"
#include "tensor/tensor_view.h"

namespace holdfast {

struct ListedTensor {
  std::string name;
  std::string type;  // "q4_K", "bf16"; "U8" for types only safetensors has
  Shape shape;
  uint64_t offset = 0, bytes = 0;
  std::string file;
};

struct ListedKey {
  std::string key;
  std::string type;  // "u32", "array of 151936 strings"
  std::string json;  // the value as JSON; of long arrays the first few elements
  std::string text;  // the value for people, on one line, cut when long
};

struct Listing {
  std::string format;      // "GGUF", "safetensors"
  uint32_t version = 0;    // of GGUF; 0 otherwise
  uint64_t alignment = 0;  // of GGUF; 0 otherwise
  std::vector<std::string> files;
  uint64_t bytes = 0;  // of all files
  std::vector<ListedKey> metadata;
  std::vector<ListedTensor> tensors;
};

// PATH: a .gguf (all parts of a split one are listed), a .safetensors, or a Hugging Face directory
// (tensors under their own names; its config.json as metadata).
Result<Listing> list_model(const std::string& path, const FileOpener& opener = open_file);

}  // namespace holdfast
