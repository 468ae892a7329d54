// What the server counts and times, for Prometheus to read.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/served_model.h"

namespace holdfast {

struct App;

// The times of one answer, from its request's arrival. Used from one thread at a time.
class AnswerMeter {
 public:
  virtual ~AnswerMeter() = default;
  virtual void take(size_t choice, const TextEvent& event) = 0;
  // Once, whatever becomes of the answer.
  virtual void close(const Usage& total) = 0;
};

// Thread-safe.
class Metrics {
 public:
  Metrics();
  ~Metrics();

  // A request that has been answered: its route's pattern, or empty, and the answer's status.
  void count_request(std::string_view route, int status);
  // Of an answer of `choices` generations. `this` must outlive it.
  std::unique_ptr<AnswerMeter> meter(std::string_view model, std::string_view tenant,
                                     size_t choices, std::chrono::steady_clock::time_point arrival);

  // In Prometheus' text format, version 0.0.4, with the state of the app's models.
  std::string text(const App& app) const;

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace holdfast
