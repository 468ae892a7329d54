// Files and batches that survive a restart: $HOLDFAST_HOME/jobs, with a database of their own.
// Everything belongs to a scope (Caller::cache_salt: a tenant, or a user without one) and is seen
// from there only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/caller.h"
#include "access/database.h"
#include "base/result.h"

namespace holdfast {

struct JobFile {
  std::string id, filename, purpose;
  int64_t bytes = 0, created = 0;  // seconds since 1970
};

enum class BatchState { kInProgress, kCompleted, kFailed, kCancelled };
std::string_view batch_state_name(BatchState state);

struct BatchJob {
  std::string id, scope, endpoint, input_file, output_file, error_file, metadata_json, failure;
  // Who asked: on whose behalf its lines run.
  std::string user, tenant, credential;
  std::vector<std::string> roles, scopes;
  BatchState state = BatchState::kInProgress;
  int64_t created = 0, ended = 0;
  int64_t total = 0, succeeded = 0, failed = 0;
};

// Thread-safe.
class JobStore {
 public:
  ~JobStore();
  // Makes the folder where missing; removes what a crash left half done. unavailable when another
  // process has it.
  static Result<std::unique_ptr<JobStore>> open(const std::string& folder);

  Result<JobFile> add_file(const std::string& scope, const std::string& filename,
                           const std::string& purpose, std::string_view content);
  Result<JobFile> file(const std::string& scope, const std::string& id);  // not_found
  Result<std::vector<JobFile>> files(const std::string& scope);           // newest first
  Result<std::string> content(const std::string& scope, const std::string& id);
  Status remove_file(const std::string& scope, const std::string& id);  // not_found

  // `batch`: endpoint, input_file, metadata_json, total and who asked.
  Result<BatchJob> add_batch(BatchJob batch);
  Result<BatchJob> batch(const std::string& scope, const std::string& id);  // not_found
  Result<std::vector<BatchJob>> batches(const std::string& scope);          // newest first
  // What runs is let end; what is done stays. Of one that has ended: no change.
  Result<BatchJob> cancel(const std::string& scope, const std::string& id);

  // For the one who runs them. Oldest first.
  Result<std::vector<BatchJob>> active();
  // The numbers of lines (from 0) that have a result.
  Result<std::vector<int64_t>> finished_lines(const std::string& id);
  // A line's result, once and for all: a second one is not taken. `line`: of the output, JSON.
  Status add_result(const std::string& id, int64_t number, bool succeeded, std::string_view line);
  // Makes the files of output and errors from the results, and ends the batch. `failure`: why none
  // of it could run; empty: nothing of the kind.
  Status finish(const BatchJob& batch, BatchState state, const std::string& failure);

 private:
  JobStore(std::string folder, Database database)
      : folder_(std::move(folder)), database_(std::move(database)) {}

  std::string path_of(const std::string& id) const;
  Status remove_strays();
  Result<JobFile> insert_file(const std::string& scope, const std::string& filename,
                              const std::string& purpose, std::string_view content);
  Result<std::vector<BatchJob>> select(std::string_view where,
                                       const std::vector<std::string>& values);
  Result<std::string> results_of(const std::string& id, bool succeeded);
  Status transaction(const std::function<Status()>& change);

  std::mutex mutex_;
  std::string folder_;
  Database database_;
  int lock_ = -1;
};

}  // namespace holdfast
