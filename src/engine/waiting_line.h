// The line in front of the engine has an end: who comes when it is full is told so at once, and how
// long it would take, instead of waiting for an answer that comes too late.
//
// No tenant can fill it alone: its requests in the line are at most four times the places that are
// still free (dynamic thresholds, Choudhury and Hahne, IEEE/ACM Transactions on Networking 1998).
// One tenant by itself gets four fifths of the line, two get four ninths each.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast {

struct LineLimits {
  int32_t requests = 512;
  int64_t tokens = 0;  // of prompts; 0: no limit. One request alone always has a place
};

// What a wait means for somebody who was refused: when to come again, in whole seconds, 1 to 600.
int64_t retry_after_seconds(double wait);

// Thread-safe.
class WaitingLine {
 public:
  explicit WaitingLine(LineLimits limits) : limits_(limits) {}

  // Takes a place. resource_exhausted when the tenant's part of the line is full, unavailable when
  // all of it is, or when the wait would be longer than `patience` seconds; the hint says how long
  // that is.
  Status enter(std::string_view tenant, int64_t tokens, std::optional<double> patience);
  // It runs, or is gone.
  void leave(std::string_view tenant, int64_t tokens);

  // What the engine does: rows computed in so many seconds; an answer of so many tokens has ended.
  void computed(int64_t rows, double seconds);
  void answered(int64_t tokens);

  struct State {
    int32_t requests = 0;
    int64_t tokens = 0;
    double wait_seconds = 0.0;  // until a request that came now would start, about
    uint64_t refused = 0;
  };
  State state() const;

 private:
  double wait() const;

  const LineLimits limits_;
  mutable std::mutex mutex_;
  std::map<std::string, int32_t, std::less<>> of_tenant_;
  int32_t requests_ = 0;
  int64_t tokens_ = 0;
  uint64_t refused_ = 0;
  double rows_per_second_ = 0.0;  // lately; 0: not known
  double answer_tokens_ = 128.0;  // of an answer, lately
};

}  // namespace holdfast
