// What the routes share: the models that are served, and what the server tells about itself.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "access/caller.h"
#include "engine/served_embedder.h"
#include "engine/served_model.h"
#include "server/api_error.h"
#include "server/auditor.h"
#include "server/metrics.h"
#include "server/reasoning_field.h"
#include "server/response_store.h"

namespace holdfast {

class BatchRunner;
class JobStore;

struct App {
  std::vector<std::shared_ptr<ServedModel>> models;        // fixed once the server is ready
  std::vector<std::shared_ptr<ServedEmbedder>> embedders;  // and rerankers; likewise
  std::shared_ptr<Auditor> auditor;                        // null: nothing is recorded
  const std::shared_ptr<Metrics> metrics = std::make_shared<Metrics>();
  const std::shared_ptr<ResponseStore> responses = std::make_shared<ResponseStore>();
  std::shared_ptr<JobStore> jobs;             // null: no files and batches
  std::shared_ptr<BatchRunner> batch_runner;  // likewise; fixed once the server is ready
  std::atomic<int> connections{0};
  ReasoningField reasoning_field = ReasoningField::kReasoningContent;
  std::atomic<bool> ready{false};  // until then the models are not to be looked at
  std::atomic<double> loaded{0};   // how much of them is, until then; 0 to 1
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  double request_timeout = 0;  // seconds an answer may take, its wait included; 0: any
  std::atomic<bool> draining{false};

  // Seconds until the models are loaded, going by how long it took so far; none: cannot be told.
  std::optional<double> seconds_to_ready() const;

  // 404 with code model_not_found, also for a model that this caller may not use.
  ApiResult<ServedModel*> find_model(std::string_view id, const Caller& caller) const;
  // The same among those that give embeddings, or among those that rerank.
  ApiResult<ServedEmbedder*> find_embedder(std::string_view id, const Caller& caller,
                                           bool reranks) const;
};

// 503, code loading: for all routes but those of health until the models are there.
ApiError still_loading(const App& app);

// Stands for what decides an answer besides the request: the model and how it is run. Clients
// compare it to learn whether a seed can be expected to repeat.
std::string system_fingerprint(const ServedModel& model);

// The model's context cannot hold what was asked: 400, code context_length_exceeded, both counts.
ApiError context_overflow(int64_t context, int64_t prompt, int64_t completion,
                          std::string_view param);

// What submitting a request failed with, as this API names it.
ApiError submit_error(const Error& error, std::string_view param);

}  // namespace holdfast
