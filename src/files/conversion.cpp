#include "files/conversion.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numbers>

#include <fmt/format.h>

#include "files/describe.h"
#include "files/gguf_model.h"
#include "files/hf_model.h"
#include "files/tensor_rows.h"
#include "files/tokenizer_arrays.h"

namespace holdfast {
namespace {

Status check_computed(const std::string& name, DType type, const std::string& where) {
  if (dtype_info(type).computed) return {};
  return fail(Code::kUnimplemented,
              fmt::format("tensor '{}' is of type {}; converted are {}", name,
                          dtype_info(type).name, computed_types()),
              where);
}

SourceTensor plain(std::string name, const TensorView& view) {
  return {std::move(name), view.shape,
          [view](int64_t row, int64_t rows, float* out) { read_rows(view, row, rows, out); }, view};
}

// GGUF's interleaved order of a matrix (or vector) of heads in halves.
SourceTensor interleaved(std::string name, const TensorView& view, int64_t head_dim) {
  if (view.shape.rank == 1) {
    TensorView column = view;
    column.shape = {{view.shape[0], 1}, 2};
    return {std::move(name),
            view.shape,
            [column, head_dim](int64_t, int64_t, float* out) {
              for (int64_t r = 0; r < column.rows(); ++r)
                read_rows(column, halves_row(r, head_dim), 1, out + r);
            },
            {}};
  }
  return {std::move(name),
          view.shape,
          [view, head_dim](int64_t row, int64_t rows, float* out) {
            for (int64_t r = 0; r < rows; ++r)
              read_rows(view, halves_row(row + r, head_dim), 1, out + r * view.cols());
          },
          {}};
}

// [experts, out, in] from matrices of their own.
SourceTensor joined(std::string name, std::vector<TensorView> experts) {
  const int64_t each = experts.front().rows();
  const int64_t cols = experts.front().cols();
  const Shape shape{{static_cast<int64_t>(experts.size()), each, cols}, 3};
  return {std::move(name),
          shape,
          [experts = std::move(experts), each, cols](int64_t row, int64_t rows, float* out) {
            for (int64_t r = 0; r < rows; ++r) {
              const auto expert = static_cast<std::size_t>((row + r) / each);
              read_rows(experts[expert], (row + r) % each, 1, out + r * cols);
            }
          },
          {}};
}

// kv_b is [heads * (nope + value), rank]: of each head first the rows that make keys, then those
// that make values (arXiv 2405.04434, equations 10 and 11).
SourceTensor key_part(std::string name, const TensorView& kv_b, const MlaConfig& mla,
                      int64_t heads) {
  // Transposed within a head, [heads, rank, nope], so that it multiplies the queries.
  const int64_t nope = mla.nope_dim, stride = nope + mla.value_dim, rank = mla.kv_rank;
  return {std::move(name),
          Shape{{heads, rank, nope}, 3},
          [kv_b, nope, stride, rank](int64_t row, int64_t rows, float* out) {
            std::vector<float> head(static_cast<std::size_t>(nope * rank));
            int64_t held = -1;
            for (int64_t r = 0; r < rows; ++r) {
              const int64_t h = (row + r) / rank, c = (row + r) % rank;
              if (h != held) read_rows(kv_b, h * stride, nope, head.data());
              held = h;
              for (int64_t n = 0; n < nope; ++n)
                out[r * nope + n] = head[static_cast<std::size_t>(n * rank + c)];
            }
          },
          {}};
}

SourceTensor value_part(std::string name, const TensorView& kv_b, const MlaConfig& mla,
                        int64_t heads) {
  const int64_t nope = mla.nope_dim, value = mla.value_dim, rank = mla.kv_rank;
  return {std::move(name),
          Shape{{heads, value, rank}, 3},
          [kv_b, nope, value, rank](int64_t row, int64_t rows, float* out) {
            for (int64_t r = 0; r < rows; ++r) {
              const int64_t h = (row + r) / value, v = (row + r) % value;
              read_rows(kv_b, h * (nope + value) + nope + v, 1, out + r * rank);
            }
          },
          {}};
}

class HfTensors {
 public:
  explicit HfTensors(Conversion& to) : to_(to), config_(to.config) {}

  Status add(const TensorEntry& entry) {
    RETURN_IF_ERROR(check_computed(entry.name, entry.type, at_byte(entry.file, entry.offset)));
    if (entry.name.ends_with("_exps.weight")) return add_experts(entry);
    ASSIGN_OR_RETURN(const TensorView view, to_.model->tensor(entry.name));
    const std::string_view name = entry.name;
    const bool query = name.find(".attn_q.") != std::string_view::npos;
    const bool key = name.find(".attn_k.") != std::string_view::npos;
    if (config_.architecture == "llama" && (query || key)) {
      const int64_t rows =
          (query ? config_.heads : config_.kv_heads) * static_cast<int64_t>(config_.head_dim);
      if (view.shape[0] != rows) return wrong_shape(entry, rows);
      to_.tensors.push_back(interleaved(entry.name, view, config_.head_dim));
      return {};
    }
    if (name.ends_with(".attn_kv_b.weight")) return add_kv_b(entry, view);
    to_.tensors.push_back(plain(entry.name, view));
    return {};
  }

 private:
  static Status wrong_shape(const TensorEntry& entry, int64_t rows) {
    return fail(Code::kCorrupt,
                fmt::format("tensor '{}' has shape {}; this model needs {} rows", entry.name,
                            shape_text(entry.shape), rows),
                at_byte(entry.file, entry.offset));
  }

  Status add_experts(const TensorEntry& entry) {
    std::vector<TensorView> experts;
    for (int32_t i = 0; i < config_.moe.experts; ++i) {
      ASSIGN_OR_RETURN(const TensorView view, to_.model->expert(entry.name, i));
      const Shape expected{{entry.shape[1], entry.shape[2]}, 2};
      RETURN_IF_ERROR(to_.model->expert(entry.name, i, expected));
      experts.push_back(view);
    }
    to_.tensors.push_back(joined(entry.name, std::move(experts)));
    return {};
  }

  Status add_kv_b(const TensorEntry& entry, const TensorView& view) {
    const MlaConfig& mla = config_.mla;
    const int64_t rows = static_cast<int64_t>(config_.heads) * (mla.nope_dim + mla.value_dim);
    if (view.shape != Shape{{rows, mla.kv_rank}, 2}) return wrong_shape(entry, rows);
    const std::string layer = entry.name.substr(0, entry.name.find("attn_kv_b"));
    to_.tensors.push_back(key_part(layer + "attn_k_b.weight", view, mla, config_.heads));
    to_.tensors.push_back(value_part(layer + "attn_v_b.weight", view, mla, config_.heads));
    return {};
  }

  Conversion& to_;
  const ModelConfig& config_;
};

Result<Conversion> from_directory(const std::string& path) {
  Conversion out;
  ASSIGN_OR_RETURN(out.model, open_hf_model(path));
  out.config = out.model->config();
  if (out.config.is_encoder()) {
    return fail(Code::kUnimplemented, "encoders are not converted; they are used as they are", path);
  }
  if (out.config.mla.kv_rank != 0 && out.config.rope.style != RopeStyle::kInterleaved) {
    return fail(Code::kUnimplemented,
                "the model rotates halves of a head (rope_interleave is false), which GGUF's "
                "deepseek2 has no way to say",
                path + "/config.json, $.rope_interleave");
  }
  ASSIGN_OR_RETURN(out.tokenizer, tokenizer_arrays(out.model->tokenizer(), out.config, path));
  HfTensors tensors(out);
  if (out.config.rope.scaling == RopeScaling::kLlama3) {
    const std::vector<float> divisors = llama3_divisors(out.config.rope);
    out.tensors.push_back(
        {"rope_freqs.weight",
         Shape{{out.config.rope.dim / 2}, 1},
         [divisors](int64_t, int64_t, float* to) { std::ranges::copy(divisors, to); },
         {}});
  }
  for (const TensorEntry& entry : out.model->tensors()) RETURN_IF_ERROR(tensors.add(entry));
  if (out.config.architecture == "llama") out.config.rope.style = RopeStyle::kInterleaved;
  return out;
}

Result<Conversion> from_gguf(const std::string& path) {
  Conversion out;
  ASSIGN_OR_RETURN(out.parts, open_gguf_parts(path));
  ASSIGN_OR_RETURN(out.model, gguf_model(path, out.parts));
  out.config = out.model->config();
  out.tokenizer = out.model->tokenizer();
  for (const TensorEntry& entry : out.model->tensors()) {
    RETURN_IF_ERROR(check_computed(entry.name, entry.type, at_byte(entry.file, entry.offset)));
    ASSIGN_OR_RETURN(const TensorView view, out.model->tensor(entry.name));
    out.tensors.push_back(plain(entry.name, view));
  }
  return out;
}

// The order in which tools write models: what comes before the layers, layer after layer, the rest.
void sort_tensors(std::vector<SourceTensor>& tensors) {
  const auto place = [](const SourceTensor& tensor) -> std::pair<int32_t, std::string_view> {
    const std::string_view name = tensor.name;
    if (name.starts_with("blk.")) return {std::atoi(tensor.name.c_str() + 4), name};
    return {name.starts_with("output") ? INT32_MAX : -1, name};
  };
  std::ranges::stable_sort(tensors, {}, place);
}

}  // namespace

std::vector<float> llama3_divisors(const RopeConfig& rope) {
  // Long waves are stretched by `factor`, short ones kept, those between blended.
  const auto original = static_cast<double>(rope.original_context);
  std::vector<float> out;
  for (int32_t i = 0; i < rope.dim / 2; ++i) {
    const double frequency = std::pow(static_cast<double>(rope.theta), -2.0 * i / rope.dim);
    const double wave = 2.0 * std::numbers::pi / frequency;
    double divisor = 1.0;
    if (wave > original / rope.low_freq_factor) {
      divisor = rope.factor;
    } else if (wave >= original / rope.high_freq_factor) {
      const double smooth =
          (original / wave - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor);
      divisor = 1.0 / ((1.0 - smooth) / rope.factor + smooth);
    }
    out.push_back(static_cast<float>(divisor));
  }
  return out;
}

Result<Conversion> open_conversion(const std::string& path) {
  std::error_code error;
  ASSIGN_OR_RETURN(Conversion out, std::filesystem::is_directory(path, error) ? from_directory(path)
                                                                              : from_gguf(path));
  sort_tensors(out.tensors);
  return out;
}

}  // namespace holdfast
