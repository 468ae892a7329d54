#include "backend/cpu/linear.h"

#include <vector>

#include "backend/cpu/backend_impl.h"
#include "base/check.h"

namespace holdfast::cpu {

void run_linear(std::span<const LinearTask> tasks, const Kernels& kernels, ThreadPool& pool,
                Arena&) {
  for (const LinearTask& task : tasks) {
    const CpuWeight& w = *task.weight;
    CHECK(task.x.cols == w.cols() && task.out.cols == w.rows() && task.x.rows == task.out.rows)
        << "linear: x [" << task.x.rows << ", " << task.x.cols << "], weight [" << w.rows() << ", "
        << w.cols() << "], out [" << task.out.rows << ", " << task.out.cols << "]";
    if (task.x.rows == 0) continue;
    pool.parallel_for(w.rows(), 16, [&](int64_t begin, int64_t end, int) {
      std::vector<float> row(static_cast<std::size_t>(w.cols()));
      for (int64_t i = begin; i < end; ++i) {
        w.decode_row(i, row.data());
        for (int64_t r = 0; r < task.x.rows; ++r) {
          float y = kernels.dot(row.data(), row_of(task.x, r), w.cols());
          if (task.bias != nullptr) y += task.bias[i];
          float& out = row_of(task.out, r)[i];
          out = task.accumulate ? out + y : y;
        }
      }
    });
  }
}

}  // namespace holdfast::cpu
