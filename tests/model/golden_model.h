// The small random models of tests/golden/models: what transformers computed, and the same weights
// again, from the hash that make_goldens.py describes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace holdfast {

struct GoldenTensor {
  std::string name;  // Hugging Face's
  std::vector<int64_t> shape;
  float centre, amplitude;
};

struct GoldenPrompt {
  std::vector<int32_t> tokens;
  std::vector<int32_t> greedy;                             // what follows, 64 tokens
  std::vector<std::pair<int, std::vector<float>>> logits;  // of some rows of tokens + greedy
};

struct Golden {
  std::string config_json;
  uint64_t seed;
  std::vector<GoldenTensor> tensors;
  std::vector<GoldenPrompt> prompts;
};

std::vector<std::string> golden_names();
Golden read_golden(const std::string& name);
std::vector<float> golden_weights(const Golden& golden, const GoldenTensor& tensor);

// A folder that goes when this object goes.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Writes config.json and model.safetensors, float32.
void write_hugging_face(const Golden& golden, const std::filesystem::path& folder);

// The same model as one GGUF: llama's Q and K permuted, experts stacked, MLA's kv_b split.
void write_gguf(const Golden& golden, const std::filesystem::path& path);

}  // namespace holdfast
