// y = W x for lists of weights: the one path of linear, head_linear and the experts.
#pragma once

#include <span>

#include "backend/backend.h"
#include "backend/cpu/arena.h"
#include "backend/cpu/kernels.h"
#include "backend/cpu/weights.h"
#include "base/thread_pool.h"

namespace holdfast::cpu {

struct LinearTask {
  const CpuWeight* weight;
  Mat x;                        // [rows, weight.cols]
  const float* bias = nullptr;  // [weight.rows] or none
  Mat out;                      // [rows, weight.rows]
  bool accumulate = false;
};

// All tasks as one parallel piece of work. Tasks that follow each other with the same x share what
// is made of it.
void run_linear(std::span<const LinearTask> tasks, const Kernels& kernels, ThreadPool& pool,
                Arena& arena);

}  // namespace holdfast::cpu
