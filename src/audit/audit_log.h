// The log as the server uses it: records go in from any thread, and each caller learns when its
// record is safe. One thread writes; what came while it was busy goes out as one batch, so the cost
// of the disk is shared.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "audit/log_writer.h"
#include "audit/maintenance.h"
#include "audit/signer.h"
#include "audit/sink.h"

namespace holdfast::audit {

struct AuditOptions {
  LogWriterOptions files;
  // How long records may wait for the disk's own confirmation; zero: each batch is flushed before
  // its callers hear of it. Otherwise a power cut (not a crash) can cost what came within this
  // time.
  std::chrono::milliseconds sync_interval{0};
  // Below this much room on the disk the log says it is not ready, while what runs can still close
  // its records.
  uint64_t reserve_bytes = 64u << 20;
  uint64_t queue_bytes = 256u << 20;  // waiting records; more are refused
  MaintenanceOptions maintenance;
};

class AuditLog {
 public:
  // Called once, from the log's thread or from within append(); must not block.
  using Done = std::function<void(Status)>;

  // Errors as LogWriter::open's.
  static Result<std::unique_ptr<AuditLog>> open(const AuditOptions& options,
                                                std::unique_ptr<Signer> signer,
                                                std::vector<std::unique_ptr<Sink>> sinks = {},
                                                Storage& storage = Storage::system());
  ~AuditLog();  // writes what waits
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  // `body` is one JSON object. `done` hears success once the record is in the files and every sink.
  void append(std::string body, Done done);
  Status append_and_wait(std::string body);
  // Can a record be written now? When the last one could not, this tries again, and waits for it.
  Status ready();
  // Records in the log.
  uint64_t size() const { return size_.load(); }

 private:
  struct Waiting {
    std::string body;
    Done done;
  };

  AuditLog(const AuditOptions& options, std::unique_ptr<Signer> signer,
           std::vector<std::unique_ptr<Sink>> sinks, Storage& storage);
  void run();
  Status write(const std::vector<Waiting>& batch);
  Status write_to_sinks();
  void note(const Status& status);
  Status check_room();           // mutex_ is held
  void set_state(Status state);  // mutex_ is held
  void sync_if_due(bool now);

  const AuditOptions options_;
  std::unique_ptr<Signer> signer_;
  std::vector<std::unique_ptr<Sink>> sinks_;
  Storage& storage_;
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<Maintenance> maintenance_;
  std::atomic<uint64_t> size_{0};
  std::chrono::steady_clock::time_point last_sync_;
  bool unsynced_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Waiting> queue_;
  uint64_t queued_bytes_ = 0;
  bool stop_ = false;
  Status state_;  // of the last write, and of the disk
  bool low_ = false;
  std::chrono::steady_clock::time_point tried_{};
  std::thread thread_;
};

}  // namespace holdfast::audit
