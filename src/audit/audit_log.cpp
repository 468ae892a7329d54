#include "audit/audit_log.h"

#include <algorithm>
#include <future>

#include <fmt/format.h>

#include "base/log.h"

namespace holdfast::audit {

namespace {

using Clock = std::chrono::steady_clock;
// How often a log that failed is tried again on behalf of new requests.
constexpr auto kRetry = std::chrono::milliseconds(200);

}  // namespace

AuditLog::AuditLog(const AuditOptions& options, std::unique_ptr<Signer> signer,
                   std::vector<std::unique_ptr<Sink>> sinks, Storage& storage)
    : options_(options),
      signer_(std::move(signer)),
      sinks_(std::move(sinks)),
      storage_(storage),
      last_sync_(Clock::now()) {}

Result<std::unique_ptr<AuditLog>> AuditLog::open(const AuditOptions& options,
                                                 std::unique_ptr<Signer> signer,
                                                 std::vector<std::unique_ptr<Sink>> sinks,
                                                 Storage& storage) {
  std::unique_ptr<AuditLog> log(
      new AuditLog(options, std::move(signer), std::move(sinks), storage));
  ASSIGN_OR_RETURN(log->writer_, LogWriter::open(options.files, *log->signer_, storage));
  log->size_ = log->writer_->size();
  log->maintenance_ = std::make_unique<Maintenance>(
      options.files.folder, options.maintenance,
      [raw = log.get()](std::string body) { return raw->append_and_wait(std::move(body)); });
  log->thread_ = std::thread([raw = log.get()] { raw->run(); });
  if (const auto& recovery = log->writer_->recovery()) {
    spdlog::warn("audit: {} bytes that were never acknowledged were cut off the log and kept as {}",
                 recovery->cut_bytes, recovery->kept_as);
    RETURN_IF_ERROR(log->append_and_wait(
        fmt::format(R"({{"event":"audit.recovered","cut_bytes":{}}})", recovery->cut_bytes)));
  }
  log->maintenance_->start(log->writer_->segment_first());
  return log;
}

AuditLog::~AuditLog() {
  maintenance_.reset();  // it may append
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void AuditLog::append(std::string body, Done done) {
  Status refused;
  {
    const std::lock_guard lock(mutex_);
    if (body.size() > kMaxBody) {
      refused = fail(Code::kResourceExhausted, "this request is too large for the audit log");
    } else if (stop_ || queued_bytes_ + body.size() > options_.queue_bytes) {
      refused = fail(Code::kUnavailable, "the audit log cannot keep up");
    } else {
      queued_bytes_ += body.size();
      queue_.push_back({std::move(body), std::move(done)});
      changed_.notify_all();
      return;
    }
  }
  if (done) done(refused);
}

Status AuditLog::append_and_wait(std::string body) {
  std::promise<Status> promise;
  append(std::move(body), [&](Status status) { promise.set_value(std::move(status)); });
  return promise.get_future().get();
}

Status AuditLog::ready() {
  {
    const std::lock_guard lock(mutex_);
    if (state_) return {};
    if (Clock::now() - tried_ < kRetry) return state_;
    tried_ = Clock::now();
    if (low_) {  // the last record went through: look at the disk, do not fill it further
      set_state(check_room());
      return state_;
    }
  }
  return append_and_wait(R"({"event":"audit.resumed"})");
}

// A little room is left for what already runs.
Status AuditLog::check_room() {
  const auto room = storage_.free_bytes(options_.files.folder);
  low_ = room && *room < options_.reserve_bytes;
  if (!low_) return {};
  return fail(Code::kResourceExhausted,
              fmt::format("only {} MiB are left on the audit log's disk", *room >> 20),
              options_.files.folder, "make room on this disk");
}

// Says it when the log begins or ceases to work.
void AuditLog::set_state(Status state) {
  if (state.has_value() != state_.has_value()) {
    if (state) {
      spdlog::warn("audit: the log can be written again");
    } else {
      spdlog::error("audit: {}", to_string(state.error()));
    }
  }
  state_ = std::move(state);
}

void AuditLog::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto something = [&] { return stop_ || !queue_.empty(); };
    if (unsynced_) {
      changed_.wait_until(lock, last_sync_ + options_.sync_interval, something);
    } else {
      changed_.wait(lock, something);
    }
    if (queue_.empty() && stop_) break;
    std::vector<Waiting> batch = std::exchange(queue_, {});
    queued_bytes_ = 0;
    lock.unlock();
    if (!batch.empty()) {
      const Status status = write(batch);
      note(status);
      for (Waiting& waiting : batch) {
        if (waiting.done) waiting.done(status);
        waiting = {};
      }
    }
    sync_if_due(false);
    lock.lock();
  }
  lock.unlock();
  sync_if_due(true);
}

Status AuditLog::write(const std::vector<Waiting>& batch) {
  std::vector<std::string> bodies;
  bodies.reserve(batch.size());
  for (const Waiting& waiting : batch) bodies.push_back(waiting.body);
  const uint64_t segment = writer_->segment_first();
  RETURN_IF_ERROR(writer_->append(bodies));
  size_ = writer_->size();
  unsynced_ = true;
  if (options_.sync_interval.count() == 0) {
    RETURN_IF_ERROR(writer_->sync());
    unsynced_ = false;
  }
  if (writer_->segment_first() != segment) maintenance_->segment_began(writer_->segment_first());
  return write_to_sinks();
}

Status AuditLog::write_to_sinks() {
  if (sinks_.empty()) return {};
  const LogWriter::Written& written = writer_->written();
  ASSIGN_OR_RETURN(const std::vector<Record> records, parse_records(written.frames));
  Status status;
  for (const auto& sink : sinks_) {
    Status one = sink->write(writer_->log_id(), records, written.checkpoint);
    if (!one && status) status = std::move(one);
  }
  return status;
}

void AuditLog::note(const Status& status) {
  const std::lock_guard lock(mutex_);
  low_ = false;
  set_state(status ? check_room() : status);
  tried_ = Clock::now();
}

void AuditLog::sync_if_due(bool now) {
  if (!unsynced_) return;
  if (!now && Clock::now() < last_sync_ + options_.sync_interval) return;
  last_sync_ = Clock::now();
  if (Status status = writer_->sync(); status) {
    unsynced_ = false;
  } else {
    note(status);
  }
}

}  // namespace holdfast::audit
