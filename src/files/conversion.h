// A model on its way from one format into another: tensors by GGUF's names, each able to give its
// rows as floats, whatever was rearranged to get them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "files/gguf.h"
#include "files/gguf_writer.h"
#include "files/model_file.h"

namespace holdfast {

struct SourceTensor {
  std::string name;
  Shape shape;
  // Decodes rows [row, row + rows) of all of the tensor's matrices. Thread-safe.
  std::function<void(int64_t row, int64_t rows, float* out)> read;
  std::optional<TensorView> stored;  // when it is nothing but a stored tensor
};

struct Conversion {
  ModelConfig config;
  TokenizerData tokenizer;
  std::vector<SourceTensor> tensors;
  // A GGUF's own parts: their metadata is copied as it is.
  std::vector<std::shared_ptr<const Gguf>> parts;
  std::shared_ptr<const ModelFile> model;  // keeps what the tensors read from
};

// From a .gguf, or a Hugging Face directory whose tensors are rearranged into GGUF's order: Llama's
// queries and keys row by row, expert stacks joined, DeepSeek's kv_b split and half of it
// transposed.
Result<Conversion> open_conversion(const std::string& path);

// The divisors of Llama 3.1's frequencies, [rope.dim / 2], as GGUF's rope_freqs.weight holds them.
std::vector<float> llama3_divisors(const RopeConfig& rope);

// Where a row of GGUF's interleaved queries and keys lies among Hugging Face's halves, in a matrix
// of heads of `head_dim` rows.
inline int64_t halves_row(int64_t interleaved_row, int64_t head_dim) {
  const int64_t in_head = interleaved_row % head_dim;
  return interleaved_row - in_head + in_head % 2 * (head_dim / 2) + in_head / 2;
}

}  // namespace holdfast
