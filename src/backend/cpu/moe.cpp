#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "backend/cpu/backend_impl.h"
#include "backend/cpu/routing.h"
#include "base/check.h"

namespace holdfast::cpu {

void CpuBackend::moe(Mat x, const MoeWeights& weights, const MoeParams& params, Mat out) {
  const auto experts = static_cast<int32_t>(weights.experts.size());
  CHECK(out.rows == x.rows && params.used > 0 && params.used <= experts);
  if (x.rows == 0) return;
  const auto mark = arena_.mark();

  const Mat scores = scratch(x.rows, experts);
  const LinearTask router{&as_cpu(*weights.router), x, nullptr, scores, false};
  run_linear({&router, 1}, kernels_, pool_, arena_);
  const float* bias = weights.correction_bias ? as_cpu(*weights.correction_bias) : nullptr;
  const auto used = static_cast<std::size_t>(params.used);
  std::vector<Choice> choices(static_cast<std::size_t>(x.rows) * used);
  for_rows(x.rows, int64_t{experts} * 16, [&](int64_t row) {
    route({row_of(scores, row), static_cast<std::size_t>(experts)}, bias, params,
          std::span(choices).subspan(static_cast<std::size_t>(row) * used, used));
  });

  // Chosen (row, rank) pairs sorted by expert: expert e's rows stand at [begin[e], begin[e + 1]).
  std::vector<int64_t> begin(static_cast<std::size_t>(experts) + 1, 0);
  for (const Choice& choice : choices) ++begin[static_cast<std::size_t>(choice.expert) + 1];
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  std::vector<int64_t> place(choices.size());  // of each pair among the sorted
  std::vector<int64_t> next(begin.begin(), begin.end() - 1);
  for (std::size_t i = 0; i < choices.size(); ++i) {
    place[i] = next[static_cast<std::size_t>(choices[i].expert)]++;
  }

  const auto pairs = static_cast<int64_t>(choices.size());
  // A single row is taken as it is, and quantized once for all its experts.
  const Mat gathered = x.rows == 1 ? Mat{x.data, pairs, x.cols, 0} : scratch(pairs, x.cols);
  if (x.rows > 1) {
    for_rows(pairs, x.cols, [&](int64_t i) {
      std::memcpy(row_of(gathered, place[static_cast<std::size_t>(i)]), row_of(x, i / params.used),
                  sizeof(float) * static_cast<std::size_t>(x.cols));
    });
  }
  const int64_t ffn = weights.experts[0].gate->rows();
  const Mat gate = scratch(pairs, ffn), up = scratch(pairs, ffn), down = scratch(pairs, out.cols);
  std::vector<LinearTask> tasks;
  const auto part = [&](const Mat& m, std::size_t e) {
    return Mat{row_of(m, begin[e]), begin[e + 1] - begin[e], m.cols, m.stride};
  };
  for (std::size_t e = 0; e < weights.experts.size(); ++e) {
    if (begin[e] == begin[e + 1]) continue;
    const ExpertWeights& expert = weights.experts[e];
    tasks.push_back({&as_cpu(*expert.gate), part(gathered, e), nullptr, part(gate, e), false});
    tasks.push_back({&as_cpu(*expert.up), part(gathered, e), nullptr, part(up, e), false});
  }
  run_linear(tasks, kernels_, pool_, arena_);
  swiglu(gate, up, gate);
  tasks.clear();
  for (std::size_t e = 0; e < weights.experts.size(); ++e) {
    if (begin[e] == begin[e + 1]) continue;
    tasks.push_back(
        {&as_cpu(*weights.experts[e].down), part(gate, e), nullptr, part(down, e), false});
  }
  run_linear(tasks, kernels_, pool_, arena_);

  // In the order of the token's own list, whoever else chose the same experts.
  for_rows(out.rows, out.cols * params.used, [&](int64_t row) {
    for (std::size_t rank = 0; rank < used; ++rank) {
      const std::size_t i = static_cast<std::size_t>(row) * used + rank;
      kernels_.scaled_add(row_of(out, row), row_of(down, place[i]), choices[i].weight, out.cols);
    }
  });
  arena_.release(mark);
}

}  // namespace holdfast::cpu
