// Runs batches through the server's own routes, a few lines at a time, for as long as it lives.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "access/access_control.h"
#include "server/app.h"
#include "server/job_store.h"
#include "server/reply.h"

namespace holdfast {

// A line of a batch's input: {"custom_id", "method": "POST", "url", "body"}.
struct BatchLine {
  std::string custom_id, body;  // body: JSON
};
// All lines, in order; empty ones are no lines. 400 names the line that is wrong, or two of one
// custom_id.
ApiResult<std::vector<BatchLine>> parse_batch_input(std::string_view text,
                                                    std::string_view endpoint);

// Routes that a batch may name: generations.
bool is_batch_endpoint(std::string_view endpoint);

class BatchRunner {
 public:
  // `app` must outlive it and be ready; `access` may be null. Batches that a restart interrupted go
  // on where they were.
  BatchRunner(App& app, AccessControl* access, int lines_at_once);
  ~BatchRunner();

  // Running lines are dropped: they run again after the next start. From one thread, any number of
  // times.
  void stop();

  void wake();  // there may be a new batch

 private:
  struct Job;
  struct Running;

  void run();
  void refresh();
  bool start_some();
  bool advance_all();
  void start_line(Job& job, int64_t number);
  void end_line(Running& line, HttpResponse response);
  void finish_done();
  std::optional<Caller> caller_of(const BatchJob& batch);

  App& app_;
  AccessControl* access_;
  const size_t lines_at_once_;
  std::map<std::string, std::unique_ptr<Job>> jobs_;
  std::vector<std::unique_ptr<Running>> running_;

  struct Signal {
    std::mutex mutex;
    std::condition_variable changed;
    bool woken = false, new_batch = true, ending = false;
    void fire(bool batch = false);
  };
  std::shared_ptr<Signal> signal_ = std::make_shared<Signal>();
  std::chrono::steady_clock::time_point resume_;     // refused for now: nothing starts before
  std::chrono::steady_clock::time_point refreshed_;  // when the store was last asked
  std::thread thread_;
};

}  // namespace holdfast
