// What one rendering may spend, so that no template and no input can hold a thread or its memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace holdfast::jinja {

// Nested calls of the interpreter (statements, expressions, macros), and of comparisons and
// printing of nested values.
inline constexpr int kMaxDepth = 400;
// Nodes evaluated, elements visited. A template of the R1 family takes about a hundred a message.
inline constexpr int64_t kMaxSteps = 5'000'000;
// Bytes of all strings and lists made, alive or not: a bound on memory as well.
inline constexpr int64_t kMaxBytes = 512LL << 20;

class Budget {
 public:
  Status steps(int64_t count = 1) {
    if ((steps_ -= count) >= 0) return {};
    return fail(Code::kResourceExhausted, "the chat template takes more than 5000000 steps");
  }
  Status bytes(size_t count) {
    if ((bytes_ -= static_cast<int64_t>(count)) >= 0) return {};
    return fail(Code::kResourceExhausted,
                "the chat template makes more than 512 MiB of text and lists");
  }
  Status enter() {
    if (++depth_ <= kMaxDepth) return {};
    return fail(Code::kResourceExhausted, "the chat template or its input nests too deeply");
  }
  void leave() { --depth_; }
  int64_t steps_left() const { return steps_; }

 private:
  int64_t steps_ = kMaxSteps;
  int64_t bytes_ = kMaxBytes;
  int depth_ = 0;
};

// Leaves what enter() entered, also when that failed.
class DepthGuard {
 public:
  explicit DepthGuard(Budget& budget) : budget_(budget), status_(budget.enter()) {}
  ~DepthGuard() { budget_.leave(); }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;
  Status& status() { return status_; }

 private:
  Budget& budget_;
  Status status_;
};

}  // namespace holdfast::jinja
