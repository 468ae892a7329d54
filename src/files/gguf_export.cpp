#include "files/gguf_export.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include <fmt/format.h>

#include "base/thread_pool.h"
#include "files/gguf_metadata.h"
#include "files/tensor_rows.h"
#include "tensor/blocks.h"

namespace holdfast {
namespace {

constexpr int64_t kChunkValues = 1 << 20;  // decoded at a time by each thread

void put_metadata(const Conversion& model, const Recipe& recipe, GgufWriter& writer) {
  if (model.parts.empty()) {
    put_config(model.config, writer);
    put_tokenizer(model.tokenizer, writer);
  } else {
    for (const GgufPair& pair : model.parts.front()->pairs) {
      if (!pair.key.starts_with("split.") && pair.key != "general.alignment")
        writer.set_value(pair.key, pair.value);
    }
  }
  writer.set_u32("general.file_type", recipe.file_type);
  writer.set_u32("general.quantization_version", 2);
}

bool all_finite(const float* values, int64_t n) {
  // An exponent of all ones makes this sum differ from zero (NaN), whatever the sign.
  float sum = 0.0f;
  for (int64_t i = 0; i < n; ++i) sum += values[i] * 0.0f;
  return sum == 0.0f;
}

class Exporter {
 public:
  Exporter(GgufWriter& writer, const ExportOptions& options)
      : writer_(writer), pool_(std::max(1, options.threads)) {}

  Status write(const SourceTensor& tensor, DType type) {
    if (tensor.stored && tensor.stored->type == type) return writer_.write(tensor.stored->bytes);
    const int64_t cols = tensor.shape.rank > 0 ? tensor.shape[tensor.shape.rank - 1] : 1;
    const int64_t rows = row_count(tensor.shape);
    const uint64_t width = row_bytes(type, static_cast<uint64_t>(cols));
    const int64_t chunk = std::clamp<int64_t>(kChunkValues / std::max<int64_t>(cols, 1), 1, rows);
    const int64_t round = chunk * pool_.size();
    encoded_.resize(static_cast<std::size_t>(std::min(round, rows)) * width);
    for (int64_t first = 0; first < rows; first += round) {
      const int64_t count = std::min(round, rows - first);
      std::atomic<bool> finite{true};
      pool_.parallel_for(count, chunk, [&](int64_t begin, int64_t end, int) {
        std::vector<float> values(static_cast<std::size_t>((end - begin) * cols));
        tensor.read(first + begin, end - begin, values.data());
        if (!all_finite(values.data(), (end - begin) * cols)) finite = false;
        quantize(type, values.data(), encoded_.data() + static_cast<uint64_t>(begin) * width,
                 (end - begin) * cols);
      });
      if (!finite) {
        return fail(
            Code::kCorrupt,
            fmt::format("tensor '{}' holds values that are not finite numbers", tensor.name), "",
            "The model is damaged or was trained so; it cannot be converted");
      }
      RETURN_IF_ERROR(
          writer_.write(std::span(encoded_).first(static_cast<std::size_t>(count) * width)));
    }
    return {};
  }

 private:
  GgufWriter& writer_;
  ThreadPool pool_;
  std::vector<std::byte> encoded_;
};

}  // namespace

Status export_gguf(const Conversion& model, const Recipe& recipe, const std::string& path,
                   const ExportOptions& options) {
  GgufWriter writer;
  put_metadata(model, recipe, writer);
  std::vector<DType> types;
  uint64_t values = 0;
  for (const SourceTensor& tensor : model.tensors) {
    types.push_back(recipe_type(recipe, model.config, tensor.name, tensor.shape));
    writer.add_tensor(tensor.name, types.back(), tensor.shape);
    values += static_cast<uint64_t>(tensor.shape.elements());
  }
  RETURN_IF_ERROR(writer.begin(path, options.existing));
  Exporter exporter(writer, options);
  uint64_t done = 0;
  for (std::size_t i = 0; i < model.tensors.size(); ++i) {
    const SourceTensor& tensor = model.tensors[i];
    if (options.progress)
      options.progress(
          static_cast<double>(done) / static_cast<double>(std::max<uint64_t>(values, 1)),
          tensor.name);
    RETURN_IF_ERROR(exporter.write(tensor, types[i]));
    done += static_cast<uint64_t>(tensor.shape.elements());
  }
  return writer.finish();
}

}  // namespace holdfast
