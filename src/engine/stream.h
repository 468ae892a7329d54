// The channel between the engine thread and the one consumer of a generation.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "engine/engine.h"

namespace holdfast {

// Thread-safe: one producer, one consumer.
class Channel {
 public:
  // Producer: the event becomes visible and the callback runs (on this thread).
  void push(GenerationEvent event);
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

  // Consumer.
  GenerationEvent pop();
  std::optional<GenerationEvent> try_pop();
  void on_ready(std::function<void()> callback);
  // No callback runs after this returns.
  void cancel();

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<GenerationEvent> events_;
  bool ended_ = false;  // the end event has been taken
  // Held while the callback runs, so that cancel() waits for one under way; recursive, so that a
  // callback may cancel.
  std::recursive_mutex callback_mutex_;
  std::shared_ptr<std::function<void()>> callback_;  // shared: alive while it runs
  std::atomic<bool> cancelled_ = false;
};

// The consumer's handle. `wake` tells the engine that there is a cancellation to look for; it may
// be called after the engine is gone.
std::unique_ptr<Stream> make_stream(std::shared_ptr<Channel> channel, std::function<void()> wake);

}  // namespace holdfast
