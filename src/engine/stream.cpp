#include "engine/stream.h"

#include <utility>

#include "base/check.h"

namespace holdfast {

void Channel::push(GenerationEvent event) {
  {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
  }
  ready_.notify_one();
  const std::lock_guard lock(callback_mutex_);
  if (const auto callback = callback_) (*callback)();
}

GenerationEvent Channel::pop() {
  std::unique_lock lock(mutex_);
  CHECK(!ended_) << "next() after the end";
  ready_.wait(lock, [&] { return !events_.empty(); });
  GenerationEvent event = std::move(events_.front());
  events_.pop_front();
  ended_ = event.end;
  return event;
}

std::optional<GenerationEvent> Channel::try_pop() {
  const std::lock_guard lock(mutex_);
  if (events_.empty()) return std::nullopt;
  GenerationEvent event = std::move(events_.front());
  events_.pop_front();
  ended_ = event.end;
  return event;
}

void Channel::on_ready(std::function<void()> callback) {
  const std::lock_guard lock(callback_mutex_);
  const auto shared = std::make_shared<std::function<void()>>(std::move(callback));
  callback_ = shared;
  bool waiting = false;
  {
    const std::lock_guard events_lock(mutex_);
    waiting = !events_.empty();
  }
  if (waiting) (*shared)();
}

void Channel::cancel() {
  cancelled_.store(true, std::memory_order_relaxed);
  const std::lock_guard lock(callback_mutex_);
  callback_ = nullptr;
}

namespace {

class ChannelStream final : public Stream {
 public:
  ChannelStream(std::shared_ptr<Channel> channel, std::function<void()> wake)
      : channel_(std::move(channel)), wake_(std::move(wake)) {}
  ~ChannelStream() override {
    channel_->cancel();
    wake_();
  }

  GenerationEvent next() override { return channel_->pop(); }
  std::optional<GenerationEvent> try_next() override { return channel_->try_pop(); }
  void on_ready(std::function<void()> callback) override {
    channel_->on_ready(std::move(callback));
  }

 private:
  std::shared_ptr<Channel> channel_;
  std::function<void()> wake_;
};

}  // namespace

std::unique_ptr<Stream> make_stream(std::shared_ptr<Channel> channel, std::function<void()> wake) {
  return std::make_unique<ChannelStream>(std::move(channel), std::move(wake));
}

}  // namespace holdfast
