// What holdfast bench prints: a line for each batch, and, when asked, the limits of the machine and
// the time of each operation.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backend/profile.h"

namespace holdfast::cli {

// Reading prompts or writing answers, over all repetitions.
struct BenchPhase {
  std::vector<double> rates;  // tokens per second, all sequences together, of each repetition
  double seconds = 0.0;
  std::vector<OperationProfile> operations;

  void add(int tokens, double took, const std::vector<OperationProfile>& ran);
  double rate() const;  // the median
  // The least time that the operations could have taken at the machine's limits, as a share of the
  // time they took.
  double limit_share() const;
};

struct BenchResult {
  int batch = 0;
  BenchPhase prefill, decode;
  int64_t peak_rss_bytes = 0;
};

struct BenchReportOptions {
  std::string device;
  double load_seconds = 0.0;
  double settle_seconds = 0.0;  // Backend::settle
  Peaks peaks;
  bool roofline = false, profile = false, json = false;
};

class BenchReport {
 public:
  explicit BenchReport(BenchReportOptions options);
  void add(const BenchResult& result);
  void finish();

 private:
  const BenchReportOptions options_;
  std::string rows_;  // of the JSON document
};

}  // namespace holdfast::cli
