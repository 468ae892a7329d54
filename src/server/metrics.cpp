#include "server/metrics.h"

#include <map>
#include <optional>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "server/app.h"
#include "server/handlers.h"

namespace holdfast {

namespace {

using Labels = std::map<std::string, std::string>;
using Clock = std::chrono::steady_clock;
using Buckets = prometheus::Histogram::BucketBoundaries;
using Counters = prometheus::Family<prometheus::Counter>;
using Histograms = prometheus::Family<prometheus::Histogram>;

// Seconds.
const Buckets& to_first_token() {
  static const Buckets kBuckets{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120};
  return kBuckets;
}
const Buckets& between_tokens() {
  static const Buckets kBuckets{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5};
  return kBuckets;
}
const Buckets& to_the_end() {
  static const Buckets kBuckets{0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800};
  return kBuckets;
}

Counters& counters(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}
Histograms& histograms(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// What an engine tells of itself, by name.
struct Reading {
  const char* name;
  const char* help;
  bool counts_up;
  double (*of)(const EngineStats& stats);
};
constexpr Reading kReadings[] = {
    {"holdfast_sequences_running", "Sequences that are being computed", false,
     [](const EngineStats& s) { return double(s.running); }},
    {"holdfast_sequences_waiting", "Sequences that wait for a place", false,
     [](const EngineStats& s) { return double(s.waiting); }},
    {"holdfast_kv_pages", "Pages of the KV cache", false,
     [](const EngineStats& s) { return double(s.pages_total); }},
    {"holdfast_kv_pages_used", "Pages of the KV cache that running sequences hold", false,
     [](const EngineStats& s) { return double(s.pages_total - s.pages_free); }},
    {"holdfast_steps_total", "Steps of the engine", true,
     [](const EngineStats& s) { return double(s.steps); }},
    {"holdfast_computed_prompt_tokens_total", "Prompt tokens computed, not found in the cache",
     true, [](const EngineStats& s) { return double(s.prompt_tokens); }},
    {"holdfast_preemptions_total", "Sequences sent back into the line for want of pages", true,
     [](const EngineStats& s) { return double(s.preemptions); }},
    {"holdfast_drafted_tokens_total", "Tokens guessed ahead", true,
     [](const EngineStats& s) { return double(s.drafted_tokens); }},
    {"holdfast_accepted_tokens_total", "Guessed tokens that came true", true,
     [](const EngineStats& s) { return double(s.accepted_tokens); }},
    {"holdfast_step_seconds_total", "Time in steps of the engine", true,
     [](const EngineStats& s) { return s.step_seconds; }},
    {"holdfast_model_seconds_total", "Time in the model, within steps", true,
     [](const EngineStats& s) { return s.model_seconds; }},
};

prometheus::ClientMetric value_of(bool counts_up, double value, const Labels& labels) {
  prometheus::ClientMetric metric;
  for (const auto& [name, text] : labels) metric.label.push_back({name, text});
  (counts_up ? metric.counter.value : metric.gauge.value) = value;
  return metric;
}

prometheus::MetricFamily gauge(const char* name, const char* help, double value,
                               const Labels& labels = {}) {
  return {name, help, prometheus::MetricType::Gauge, {value_of(false, value, labels)}};
}

}  // namespace

struct Metrics::Families {
  prometheus::Registry registry;
  Counters& requests =
      counters(registry, "holdfast_requests_total", "Requests answered, by route and status");
  Counters& prompt =
      counters(registry, "holdfast_prompt_tokens_total", "Tokens of prompts, cached ones included");
  Counters& cached = counters(registry, "holdfast_cached_prompt_tokens_total",
                              "Tokens of prompts that were found in the cache");
  Counters& generated =
      counters(registry, "holdfast_generated_tokens_total", "Tokens generated, thinking included");
  Counters& reasoning =
      counters(registry, "holdfast_reasoning_tokens_total", "Tokens of thinking, of those");
  Histograms& first = histograms(registry, "holdfast_time_to_first_token_seconds",
                                 "From a request's arrival to its answer's first piece of text");
  Histograms& gap = histograms(registry, "holdfast_inter_token_seconds",
                               "Between two pieces of text of one answer");
  Histograms& whole = histograms(registry, "holdfast_answer_seconds",
                                 "From a request's arrival to its answer's end");
};

namespace {

class Meter final : public AnswerMeter {
 public:
  struct Instruments {
    prometheus::Counter &prompt, &cached, &generated, &reasoning;
    prometheus::Histogram &first, &gap, &whole;
  };

  Meter(const Instruments& instruments, size_t choices, Clock::time_point arrival)
      : to_(instruments), arrival_(arrival), last_(choices) {}

  void take(size_t choice, const TextEvent& event) override {
    if (event.reasoning.empty() && event.content.empty()) return;
    const auto now = Clock::now();
    if (!started_) to_.first.Observe(seconds_between(arrival_, now));
    started_ = true;
    auto& last = last_[choice];
    if (last) to_.gap.Observe(seconds_between(*last, now));
    last = now;
  }

  void close(const Usage& total) override {
    to_.prompt.Increment(total.prompt_tokens);
    to_.cached.Increment(total.cached_tokens);
    to_.generated.Increment(total.completion_tokens);
    to_.reasoning.Increment(total.reasoning_tokens);
    to_.whole.Observe(seconds_between(arrival_, Clock::now()));
  }

 private:
  Instruments to_;
  Clock::time_point arrival_;
  std::vector<std::optional<Clock::time_point>> last_;  // piece, of each choice
  bool started_ = false;
};

}  // namespace

Metrics::Metrics() : families_(std::make_unique<Families>()) {}
Metrics::~Metrics() = default;

void Metrics::count_request(std::string_view route, int status) {
  families_->requests.Add({{"route", std::string(route)}, {"status", std::to_string(status)}})
      .Increment();
}

std::unique_ptr<AnswerMeter> Metrics::meter(std::string_view model, std::string_view tenant,
                                            size_t choices,
                                            std::chrono::steady_clock::time_point arrival) {
  const Labels labels{{"model", std::string(model)}, {"tenant", std::string(tenant)}};
  Families& f = *families_;
  return std::make_unique<Meter>(
      Meter::Instruments{f.prompt.Add(labels), f.cached.Add(labels), f.generated.Add(labels),
                         f.reasoning.Add(labels), f.first.Add(labels, to_first_token()),
                         f.gap.Add(labels, between_tokens()), f.whole.Add(labels, to_the_end())},
      choices, arrival);
}

std::string Metrics::text(const App& app) const {
  std::vector<prometheus::MetricFamily> all = families_->registry.Collect();
  all.push_back(
      gauge("holdfast_build_info", "The version in its label", 1, {{"version", HOLDFAST_VERSION}}));
  all.push_back(gauge("holdfast_ready", "1 once the models are loaded", app.ready ? 1 : 0));
  all.push_back(gauge("holdfast_connections", "Open connections", app.connections));
  if (app.ready) {
    for (const Reading& reading : kReadings) {
      prometheus::MetricFamily family{
          reading.name,
          reading.help,
          reading.counts_up ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge,
          {}};
      for (const auto& model : app.models) {
        family.metric.push_back(
            value_of(reading.counts_up, reading.of(model->stats()), {{"model", model->id()}}));
      }
      all.push_back(std::move(family));
    }
  }
  return prometheus::TextSerializer().Serialize(all);
}

Reply handle_metrics(const Call& call) {
  return HttpResponse{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                      .body = call.app.metrics->text(call.app)};
}

}  // namespace holdfast
