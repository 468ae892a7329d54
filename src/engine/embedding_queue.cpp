#include "engine/embedding_queue.h"

#include <utility>

namespace holdfast {
namespace {

// Rows of a batch: enough that reading the weights costs little, few enough that the widest
// activations stay in the caches and that a new request waits tens of milliseconds.
constexpr int64_t kBatchTokens = 1024;
// In the line: about a hundred times OpenAI's largest request.
constexpr int64_t kMostWaitingTokens = int64_t{1} << 25;

}  // namespace

VectorJob::VectorJob(std::vector<TokenizedText> texts) : texts_(std::move(texts)) {
  for (const TokenizedText& text : texts_) tokens_ += std::ssize(text.tokens);
  vectors_.resize(texts_.size());
}

void VectorJob::on_ready(std::function<void()> wake) {
  {
    const std::lock_guard lock(mutex_);
    wake_ = wake;
    if (!result_) return;
  }
  wake();
}

std::optional<Result<Vectors>> VectorJob::try_take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(result_, std::nullopt);
}

Result<Vectors> VectorJob::take() {
  std::unique_lock lock(mutex_);
  ready_.wait(lock, [&] { return result_.has_value(); });
  return *std::exchange(result_, std::nullopt);
}

void VectorJob::finish(Result<Vectors> result) {
  std::function<void()> wake;
  {
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
    wake = wake_;
  }
  ready_.notify_all();
  if (wake) wake();
}

EmbeddingQueue::EmbeddingQueue(VectorModel& model, Backend& backend)
    : model_(model), backend_(backend), thread_([this] { run(); }) {}

EmbeddingQueue::~EmbeddingQueue() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wakes_.notify_all();
  thread_.join();
  for (const auto& waiting : jobs_) {
    if (const auto job = waiting.lock()) {
      job->finish(fail(Code::kUnavailable, "the server is stopping"));
    }
  }
}

Result<std::shared_ptr<VectorJob>> EmbeddingQueue::submit(std::vector<TokenizedText> texts) {
  auto job = std::make_shared<VectorJob>(std::move(texts));
  if (job->texts_.empty()) {
    job->finish(Vectors{});
    return job;
  }
  {
    const std::lock_guard lock(mutex_);
    int64_t waiting = job->tokens();
    for (const auto& other : jobs_) {
      if (const auto there = other.lock()) waiting += there->tokens();
    }
    if (waiting > kMostWaitingTokens) {
      return fail(Code::kResourceExhausted, "too many texts are waiting for their embeddings", "",
                  "try again later, or send fewer texts at once");
    }
    jobs_.push_back(job);
  }
  wakes_.notify_all();
  return job;
}

EmbeddingQueue::Stats EmbeddingQueue::stats() const {
  const std::lock_guard lock(mutex_);
  Stats stats = stats_;
  for (const auto& job : jobs_) stats.waiting += job.expired() ? 0 : 1;
  return stats;
}

// Whole texts, one of each request in turn, so that a large request holds up nobody. What stays in
// line has texts left.
std::vector<EmbeddingQueue::Pick> EmbeddingQueue::next_batch() {
  std::vector<Pick> batch;
  int64_t tokens = 0;
  std::deque<std::weak_ptr<VectorJob>> left;
  while (!jobs_.empty()) {
    std::shared_ptr<VectorJob> job = jobs_.front().lock();
    jobs_.pop_front();
    if (job == nullptr) continue;
    tokens += std::ssize(job->texts_[job->next_].tokens);
    if (!batch.empty() && tokens > kBatchTokens) {
      jobs_.emplace_front(job);
      break;
    }
    const std::size_t text = job->next_++;
    if (job->next_ < job->texts_.size()) jobs_.emplace_back(job);
    batch.push_back({std::move(job), text});
  }
  stats_.batches += batch.empty() ? 0 : 1;
  stats_.texts += batch.size();
  for (const Pick& pick : batch) {
    stats_.tokens += pick.job->texts_[pick.text].tokens.size();
  }
  return batch;
}

void EmbeddingQueue::compute(const std::vector<Pick>& batch) {
  std::vector<const TokenizedText*> texts;
  for (const Pick& pick : batch) texts.push_back(&pick.job->texts_[pick.text]);
  Vectors vectors = model_.run(texts);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    VectorJob& job = *batch[i].job;
    job.vectors_[batch[i].text] = std::move(vectors[i]);
    if (batch[i].text + 1 == job.texts_.size()) job.finish(std::move(job.vectors_));
  }
}

void EmbeddingQueue::run() {
  bool settled = false;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const std::vector<Pick> batch = next_batch();
    if (batch.empty()) {
      if (settled) {
        wakes_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
        continue;
      }
      lock.unlock();  // weights move to where they are fastest while nobody waits
      settled = !backend_.settle(std::chrono::milliseconds(20));
      lock.lock();
      continue;
    }
    lock.unlock();
    compute(batch);
    lock.lock();
  }
}

}  // namespace holdfast
