// The thread that turns texts into vectors, and the line before it. Texts of several requests ride
// in one batch; they stand behind each other without padding, so nothing is gained by sorting them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "engine/vector_model.h"

namespace holdfast {

using Vectors = std::vector<std::vector<float>>;

// One request's texts and, in time, their vectors. Used by one consumer; dropping it cancels what
// has not been computed yet.
class VectorJob {
 public:
  explicit VectorJob(std::vector<TokenizedText> texts);

  int64_t tokens() const { return tokens_; }  // of all texts
  // `wake` is called once the vectors are there, from any thread, at once when they are already.
  void on_ready(std::function<void()> wake);
  // The vectors in the texts' order, or what went wrong; nothing: not yet. Taken once.
  std::optional<Result<Vectors>> try_take();
  Result<Vectors> take();  // waits

 private:
  friend class EmbeddingQueue;
  void finish(Result<Vectors> result);

  const std::vector<TokenizedText> texts_;
  int64_t tokens_ = 0;
  // The queue's.
  std::size_t next_ = 0;  // text to be computed
  Vectors vectors_;

  std::mutex mutex_;
  std::condition_variable ready_;
  std::optional<Result<Vectors>> result_;
  std::function<void()> wake_;
};

// Thread-safe. The destructor ends what runs with `unavailable` and joins its thread.
class EmbeddingQueue {
 public:
  // Both must outlive this; nobody else uses them.
  EmbeddingQueue(VectorModel& model, Backend& backend);
  ~EmbeddingQueue();

  // resource_exhausted when too many tokens wait already.
  Result<std::shared_ptr<VectorJob>> submit(std::vector<TokenizedText> texts);

  struct Stats {
    int32_t waiting = 0;  // requests
    uint64_t texts = 0, tokens = 0, batches = 0;
  };
  Stats stats() const;

 private:
  struct Pick {
    std::shared_ptr<VectorJob> job;
    std::size_t text;
  };
  void run();
  std::vector<Pick> next_batch();
  void compute(const std::vector<Pick>& batch);

  VectorModel& model_;
  Backend& backend_;
  mutable std::mutex mutex_;
  std::condition_variable wakes_;
  // Held weakly: a job that its consumer dropped is gone.
  std::deque<std::weak_ptr<VectorJob>> jobs_;
  Stats stats_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace holdfast
