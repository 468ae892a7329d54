#include "model/weight_loader.h"

#include <cstring>

#include "base/check.h"
#include "base/paged_bytes.h"
#include "tensor/blocks.h"

namespace holdfast {
namespace {

uint64_t view_bytes(const TensorView& view) { return view.bytes.size() + view.scales.size_bytes(); }

// Rows [begin, begin + count) of a matrix, without a copy. Nothing when the scales of DeepSeek's
// FP8 do not start a new tile there.
std::optional<TensorView> slice_rows(const TensorView& view, int64_t begin, int64_t count) {
  TensorView slice = view;
  const auto bytes =
      static_cast<std::size_t>(row_bytes(view.type, static_cast<uint64_t>(view.cols())));
  slice.shape = Shape{{count, view.cols()}, 2};
  slice.bytes = view.bytes.subspan(static_cast<std::size_t>(begin) * bytes,
                                   static_cast<std::size_t>(count) * bytes);
  if (view.scale_block > 0) {
    if (begin % view.scale_block != 0) return std::nullopt;
    const int64_t across = (view.cols() + view.scale_block - 1) / view.scale_block;
    const int64_t down = (count + view.scale_block - 1) / view.scale_block;
    slice.scales = view.scales.subspan(static_cast<std::size_t>(begin / view.scale_block * across),
                                       static_cast<std::size_t>(down * across));
  }
  return slice;
}

// One row as floats, block scales applied.
void decode_row(const TensorView& view, int64_t row, std::span<float> out) {
  const auto bytes = row_bytes(view.type, static_cast<uint64_t>(view.cols()));
  dequantize(view.type, view.bytes.data() + static_cast<uint64_t>(row) * bytes, out.data(),
             view.cols());
  if (view.scale_block <= 0) return;
  const int64_t across = (view.cols() + view.scale_block - 1) / view.scale_block;
  const float* scales = view.scales.data() + row / view.scale_block * across;
  for (int64_t i = 0; i < view.cols(); ++i) {
    out[static_cast<std::size_t>(i)] *= scales[i / view.scale_block];
  }
}

// Elements [begin, begin + count) x [0, cols) of a matrix of 2- or 4-byte elements, transposed.
template <class Element>
std::vector<std::byte> transpose(const Element* rows, int64_t count, int64_t cols) {
  std::vector<std::byte> out(static_cast<std::size_t>(count * cols) * sizeof(Element));
  auto* to = reinterpret_cast<Element*>(out.data());
  for (int64_t r = 0; r < count; ++r) {
    for (int64_t c = 0; c < cols; ++c) to[c * count + r] = rows[r * cols + c];
  }
  return out;
}

std::vector<std::byte> transposed_rows(const TensorView& view, int64_t begin, int64_t count,
                                       DType& type) {
  type = view.type;
  if (type == DType::kF16 || type == DType::kBF16) {
    std::vector<uint16_t> rows(static_cast<std::size_t>(count * view.cols()));
    std::memcpy(rows.data(), view.bytes.data() + begin * view.cols() * 2, rows.size() * 2);
    return transpose(rows.data(), count, view.cols());
  }
  type = DType::kF32;
  std::vector<float> rows(static_cast<std::size_t>(count * view.cols()));
  for (int64_t r = 0; r < count; ++r) {
    decode_row(view, begin + r,
               std::span(rows).subspan(static_cast<std::size_t>(r * view.cols()),
                                       static_cast<std::size_t>(view.cols())));
  }
  return transpose(rows.data(), count, view.cols());
}

}  // namespace

std::string layer_name(int32_t layer, std::string_view tensor) {
  return "blk." + std::to_string(layer) + "." + std::string(tensor);
}

WeightLoader::WeightLoader(const ModelFile& file, Backend& backend, const LoadProgress& progress)
    : file_(file), backend_(backend), progress_(progress) {}

void WeightLoader::begin(Pass pass) {
  pass_ = pass;
  done_bytes_ = 0;
  if (pass == Pass::kCheck) total_bytes_ = 0;
}

std::optional<TensorView> WeightLoader::find(const Result<TensorView>& found) {
  if (!status_) return std::nullopt;
  if (!found) {
    status_ = fail(found.error());
    return std::nullopt;
  }
  if (pass_ == Pass::kCheck) {
    total_bytes_ += view_bytes(*found);
    return std::nullopt;
  }
  return *found;
}

bool WeightLoader::fetch(const TensorView& view) {
  for (const auto bytes : {view.bytes, std::as_bytes(view.scales)}) {
    if (status_) status_ = fetch_bytes(bytes);
  }
  return status_.has_value();
}

WeightPtr WeightLoader::prepare(const TensorView& view, const std::string& name) {
  if (!status_) return nullptr;
  return checked(backend_.prepare(view), name);
}

WeightPtr WeightLoader::checked(const Result<WeightPtr>& weight, const std::string& name) {
  if (!weight) {
    Error error = weight.error();
    error.message = "tensor '" + name + "': " + error.message;
    if (error.where.empty()) error.where = file_.path();
    status_ = fail(std::move(error));
    return nullptr;
  }
  return *weight;
}

void WeightLoader::advance(uint64_t bytes) {
  done_bytes_ += bytes;
  if (progress_ && total_bytes_ > 0) {
    progress_(static_cast<double>(done_bytes_) / static_cast<double>(total_bytes_));
  }
}

WeightPtr WeightLoader::matrix(const std::string& name, int64_t out, int64_t in) {
  if (!status_) return nullptr;
  const auto view = find(file_.tensor(name, Shape{{out, in}, 2}));
  if (!view) return nullptr;
  WeightPtr weight = prepare(*view, name);
  advance(view_bytes(*view));
  return weight;
}

WeightPtr WeightLoader::table(const std::string& name, int64_t out, int64_t in) {
  if (!status_) return nullptr;
  const auto view = find(file_.tensor(name, Shape{{out, in}, 2}));
  if (!view) return nullptr;
  WeightPtr weight = checked(backend_.prepare_table(*view), name);
  advance(view_bytes(*view));
  return weight;
}

VectorPtr WeightLoader::vector(const std::string& name, int64_t n) {
  if (!status_) return nullptr;
  const auto view = find(file_.tensor(name, Shape{{n}, 1}));
  if (!view) return nullptr;
  Result<VectorPtr> vector = backend_.prepare_vector(*view);
  if (!vector) {
    status_ = fail(vector.error());
    return nullptr;
  }
  advance(view_bytes(*view));
  return *vector;
}

VectorPtr WeightLoader::optional_vector(const std::string& name, int64_t n) {
  return file_.has(name) ? vector(name, n) : nullptr;
}

ExpertWeights WeightLoader::expert(int32_t layer, int32_t index, int64_t ffn, int64_t hidden) {
  const auto load = [&](std::string_view tensor, int64_t out, int64_t in) -> WeightPtr {
    if (!status_) return nullptr;
    const std::string name = layer_name(layer, tensor);
    const auto view = find(file_.expert(name, index, Shape{{out, in}, 2}));
    if (!view) return nullptr;
    WeightPtr weight = prepare(*view, name);
    advance(view_bytes(*view));
    return weight;
  };
  ExpertWeights expert;
  expert.gate = load("ffn_gate_exps.weight", ffn, hidden);
  expert.up = load("ffn_up_exps.weight", ffn, hidden);
  expert.down = load("ffn_down_exps.weight", hidden, ffn);
  return expert;
}

std::vector<WeightPtr> WeightLoader::stack(const std::string& name, int64_t count, int64_t out,
                                           int64_t in) {
  std::vector<WeightPtr> weights(static_cast<std::size_t>(count));
  if (!status_) return weights;
  auto view = find(file_.tensor(name, Shape{{count, out, in}, 3}));
  if (!view) return weights;
  view->shape = Shape{{count * out, in}, 2};
  for (int64_t i = 0; i < count; ++i) {
    const auto slice = slice_rows(*view, i * out, out);
    CHECK(slice) << name << ": stacks have no block scales";
    weights[static_cast<std::size_t>(i)] = prepare(*slice, name);
  }
  advance(view_bytes(*view));
  return weights;
}

std::vector<WeightPtr> WeightLoader::head_rows(const std::string& name, int64_t heads, int64_t part,
                                               int64_t in, int64_t begin, int64_t count) {
  std::vector<WeightPtr> weights(static_cast<std::size_t>(heads));
  if (!status_) return weights;
  const auto view = find(file_.tensor(name, Shape{{heads * part, in}, 2}));
  if (!view) return weights;
  for (int64_t h = 0; h < heads; ++h) {
    auto slice = slice_rows(*view, h * part + begin, count);
    if (!slice) {
      if (!fetch(*view)) return weights;
      auto& memory = owned_.emplace_back(static_cast<std::size_t>(count * in) * sizeof(float));
      for (int64_t r = 0; r < count; ++r) {
        decode_row(
            *view, h * part + begin + r,
            {reinterpret_cast<float*>(memory.data()) + r * in, static_cast<std::size_t>(in)});
      }
      slice = TensorView{DType::kF32, Shape{{count, in}, 2}, memory};
    }
    weights[static_cast<std::size_t>(h)] = prepare(*slice, name);
  }
  advance(view_bytes(*view));
  return weights;
}

std::vector<WeightPtr> WeightLoader::head_rows_transposed(const std::string& name, int64_t heads,
                                                          int64_t part, int64_t in, int64_t begin,
                                                          int64_t count) {
  std::vector<WeightPtr> weights(static_cast<std::size_t>(heads));
  if (!status_) return weights;
  const auto view = find(file_.tensor(name, Shape{{heads * part, in}, 2}));
  if (!view) return weights;
  if (!fetch(*view)) return weights;
  for (int64_t h = 0; h < heads; ++h) {
    DType type;
    const auto& memory = owned_.emplace_back(transposed_rows(*view, h * part + begin, count, type));
    weights[static_cast<std::size_t>(h)] =
        prepare(TensorView{type, Shape{{in, count}, 2}, memory}, name);
  }
  advance(view_bytes(*view));
  return weights;
}

}  // namespace holdfast
