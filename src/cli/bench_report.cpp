#include "cli/bench_report.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

namespace holdfast::cli {
namespace {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2.0;
}

double share(double part, double whole) { return whole > 0.0 ? part / whole : 0.0; }

// Time that passed outside the backend: choosing tokens, building batches.
double outside_seconds(const BenchPhase& phase) {
  double inside = 0.0;
  for (const OperationProfile& o : phase.operations) inside += o.seconds;
  return std::max(0.0, phase.seconds - inside);
}

std::string percent(double part, double whole) {
  return whole > 0.0 && part > 0.0 ? fmt::format("{:.1f}%", 100.0 * part / whole) : "";
}

void print_phase(const char* name, const BenchPhase& phase) {
  fmt::print("  {}: {:.3f} s\n", name, phase.seconds);
  fmt::print("    {:<22} {:>7} {:>9} {:>7} {:>9} {:>8} {:>9} {:>8}\n", "operation", "calls",
             "seconds", "share", "idle s", "GB/s", "GOPS", "of limit");
  for (const OperationProfile& o : phase.operations) {
    const double operations = o.int8 + o.bf16 + o.fp32;
    const auto rate = [&](double amount) {
      return amount > 0.0 ? fmt::format("{:.1f}", share(amount, o.seconds) * 1e-9) : "";
    };
    fmt::print("    {:<22} {:>7} {:>9.4f} {:>7} {:>9.4f} {:>8} {:>9} {:>8}\n", o.name, o.calls,
               o.seconds, percent(o.seconds, phase.seconds), o.idle_seconds, rate(o.bytes),
               rate(operations), percent(o.limit_seconds, o.seconds));
  }
  const double outside = outside_seconds(phase);
  fmt::print("    {:<22} {:>7} {:>9.4f} {:>7}\n", "outside operations", "", outside,
             percent(outside, phase.seconds));
}

std::string phase_json(const BenchPhase& phase) {
  std::string rows;
  for (const OperationProfile& o : phase.operations) {
    rows += fmt::format(
        "{{\"operation\":\"{}\",\"calls\":{},\"seconds\":{:.6f},\"idle_thread_s\":{:.6f},"
        "\"bytes\":{:.0f},\"int8\":{:.0f},\"bf16\":{:.0f},\"fp32\":{:.0f},\"limit_s\":{:.6f}}},",
        o.name, o.calls, o.seconds, o.idle_seconds, o.bytes, o.int8, o.bf16, o.fp32,
        o.limit_seconds);
  }
  return fmt::format("[{}{{\"operation\":\"outside operations\",\"seconds\":{:.6f}}}]", rows,
                     outside_seconds(phase));
}

std::string peaks_json(const Peaks& peaks) {
  return fmt::format(
      "{{\"read_bytes_s\":{:.4e},\"int8_ops_s\":{:.4e},\"bf16_ops_s\":{:.4e},"
      "\"fp32_ops_s\":{:.4e}}}",
      peaks.read_bytes, peaks.int8, peaks.bf16, peaks.fp32);
}

}  // namespace

void BenchPhase::add(int tokens, double took, const std::vector<OperationProfile>& ran) {
  rates.push_back(tokens / took);
  seconds += took;
  merge(operations, ran);
}

double BenchPhase::rate() const { return median(rates); }

double BenchPhase::limit_share() const {
  double limit = 0.0;
  for (const OperationProfile& o : operations) limit += o.limit_seconds;
  return share(limit, seconds);
}

BenchReport::BenchReport(BenchReportOptions options) : options_(std::move(options)) {
  if (options_.json) return;
  fmt::print("{}, loaded in {:.2f} s, settled in {:.2f} s\n", options_.device,
             options_.load_seconds, options_.settle_seconds);
  if (options_.roofline) {
    const Peaks& p = options_.peaks;
    fmt::print("limits: read {:.1f} GB/s, int8 {:.2f} TOPS, bf16 {}, fp32 {:.2f} TFLOPS\n",
               p.read_bytes * 1e-9, p.int8 * 1e-12,
               p.bf16 > 0.0 ? fmt::format("{:.2f} TFLOPS", p.bf16 * 1e-12) : "none",
               p.fp32 * 1e-12);
  }
  const std::string limit = options_.roofline ? fmt::format("  {:>8}", "of limit") : "";
  fmt::print("{:>5}  {:>13}{}  {:>12}{}  {:>13}\n", "batch", "prefill tok/s", limit, "decode tok/s",
             limit, "peak RSS, MiB");
  std::fflush(stdout);
}

void BenchReport::add(const BenchResult& r) {
  if (!options_.json) {
    const auto of_limit = [&](const BenchPhase& phase) {
      return options_.roofline ? fmt::format("  {:>7.1f}%", 100.0 * phase.limit_share()) : "";
    };
    fmt::print("{:>5}  {:>13.2f}{}  {:>12.2f}{}  {:>13}\n", r.batch, r.prefill.rate(),
               of_limit(r.prefill), r.decode.rate(), of_limit(r.decode), r.peak_rss_bytes >> 20);
    if (options_.profile) {
      print_phase("prefill", r.prefill);
      print_phase("decode", r.decode);
    }
    std::fflush(stdout);
    return;
  }
  rows_ += fmt::format(
      "{}{{\"batch\":{},\"prefill_tok_s\":{:.3f},\"decode_tok_s\":{:.3f},\"load_s\":{:.6f},"
      "\"settle_s\":{:.3f},\"peak_rss_bytes\":{}",
      rows_.empty() ? "" : ",", r.batch, r.prefill.rate(), r.decode.rate(), options_.load_seconds,
      options_.settle_seconds, r.peak_rss_bytes);
  if (options_.roofline) {
    rows_ += fmt::format(",\"prefill_limit_share\":{:.4f},\"decode_limit_share\":{:.4f}",
                         r.prefill.limit_share(), r.decode.limit_share());
  }
  if (options_.profile) {
    rows_ += fmt::format(",\"profile\":{{\"prefill\":{},\"decode\":{}}}", phase_json(r.prefill),
                         phase_json(r.decode));
  }
  rows_ += '}';
}

void BenchReport::finish() {
  if (!options_.json) return;
  const std::string peaks =
      options_.roofline ? fmt::format("\"peaks\":{},", peaks_json(options_.peaks)) : "";
  fmt::print("{{{}\"results\":[{}]}}\n", peaks, rows_);
}

}  // namespace holdfast::cli
