// How a family asks for its weights: by name and shape, one after the other, without an `if` for
// each. The first failure sticks; what is asked for after it is null.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "base/result.h"
#include "files/model_file.h"
#include "model/model.h"

namespace holdfast {

// "blk.7.attn_q.weight"
std::string layer_name(int32_t layer, std::string_view tensor);

class WeightLoader {
 public:
  // A family's loading code runs twice: kCheck looks at names, shapes and types only (all results
  // are null), so that a fault in the last tensor is told before gigabytes were repacked for
  // nothing; kPrepare then hands everything to the backend.
  enum class Pass { kCheck, kPrepare };

  WeightLoader(const ModelFile& file, Backend& backend, const LoadProgress& progress);

  void begin(Pass pass);
  const ModelFile& file() const { return file_; }
  const Status& status() const { return status_; }

  // A weight of [out, in].
  WeightPtr matrix(const std::string& name, int64_t out, int64_t in);
  // The same for one that is only looked up by row (Backend::prepare_table).
  WeightPtr table(const std::string& name, int64_t out, int64_t in);
  // A vector of n; null also when the file lacks an optional one.
  VectorPtr vector(const std::string& name, int64_t n);
  VectorPtr optional_vector(const std::string& name, int64_t n);
  // One expert's three matrices of "blk.N.ffn_{gate,up,down}_exps.weight".
  ExpertWeights expert(int32_t layer, int32_t index, int64_t ffn, int64_t hidden);
  // A stack of `count` matrices of [out, in], one weight each.
  std::vector<WeightPtr> stack(const std::string& name, int64_t count, int64_t out, int64_t in);
  // For each of `heads` equal parts of a matrix [heads * part, in]: its rows [begin, begin +
  // count).
  std::vector<WeightPtr> head_rows(const std::string& name, int64_t heads, int64_t part, int64_t in,
                                   int64_t begin, int64_t count);
  // The same, each transposed to [in, count]. bf16 and f16 stay as they are; other types become
  // f32.
  std::vector<WeightPtr> head_rows_transposed(const std::string& name, int64_t heads, int64_t part,
                                              int64_t in, int64_t begin, int64_t count);

  // Memory that prepared weights may point into; the model keeps it.
  std::deque<std::vector<std::byte>> take_owned() { return std::move(owned_); }

 private:
  // The view of a tensor in the kPrepare pass, nothing in the kCheck pass or after a failure.
  std::optional<TensorView> find(const Result<TensorView>& found);
  WeightPtr prepare(const TensorView& view, const std::string& name);
  // The weight, or null and the failure kept, said of tensor `name`.
  WeightPtr checked(const Result<WeightPtr>& weight, const std::string& name);
  // Before this loader reads the view itself; whether that can go on.
  bool fetch(const TensorView& view);
  void advance(uint64_t bytes);

  const ModelFile& file_;
  Backend& backend_;
  const LoadProgress& progress_;
  Pass pass_ = Pass::kCheck;
  Status status_;
  uint64_t total_bytes_ = 0, done_bytes_ = 0;
  std::deque<std::vector<std::byte>> owned_;
};

}  // namespace holdfast
