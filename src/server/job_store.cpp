#include "server/job_store.h"

#include <ctime>
#include <filesystem>
#include <set>

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/state_file.h"
#include "server/openai_format.h"

namespace holdfast {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kTables =
    "CREATE TABLE IF NOT EXISTS files (id TEXT PRIMARY KEY, scope TEXT NOT NULL, filename TEXT NOT "
    "NULL, purpose TEXT NOT NULL, bytes INTEGER NOT NULL, created INTEGER NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS batches (id TEXT PRIMARY KEY, scope TEXT NOT NULL, endpoint TEXT "
    "NOT NULL, input_file TEXT NOT NULL, output_file TEXT NOT NULL, error_file TEXT NOT NULL, "
    "metadata TEXT NOT NULL, failure TEXT NOT NULL, user TEXT NOT NULL, tenant TEXT NOT NULL, "
    "credential TEXT NOT NULL, roles TEXT NOT NULL, scopes TEXT NOT NULL, state INTEGER NOT NULL, "
    "created INTEGER NOT NULL, ended INTEGER NOT NULL, total INTEGER NOT NULL, succeeded INTEGER "
    "NOT NULL, failed INTEGER NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS results (batch TEXT NOT NULL, line INTEGER NOT NULL, succeeded "
    "INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (batch, line)) STRICT, WITHOUT ROWID";

constexpr std::string_view kFileColumns = "SELECT id, filename, purpose, bytes, created FROM files";
constexpr std::string_view kBatchColumns =
    "SELECT id, scope, endpoint, input_file, output_file, error_file, metadata, failure, user, "
    "tenant, credential, roles, scopes, state, created, ended, total, succeeded, failed FROM "
    "batches ";

JobFile file_of(const Statement& row) {
  return {row.text(0), row.text(1), row.text(2), row.integer(3), row.integer(4)};
}

// Names of roles and scopes hold no line break.
std::string join(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, "\n"));
}
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

tl::unexpected<Error> missing(std::string_view what, const std::string& id) {
  return fail(Code::kNotFound, fmt::format("there is no {} '{}'", what, id));
}

}  // namespace

std::string_view batch_state_name(BatchState state) {
  switch (state) {
    case BatchState::kInProgress:
      return "in_progress";
    case BatchState::kCompleted:
      return "completed";
    case BatchState::kFailed:
      return "failed";
    case BatchState::kCancelled:
      return "cancelled";
  }
  return "failed";
}

Result<std::unique_ptr<JobStore>> JobStore::open(const std::string& folder) {
  RETURN_IF_ERROR(make_private_folder(folder + "/files"));
  ASSIGN_OR_RETURN(Database database, Database::open(folder + "/jobs.db"));
  RETURN_IF_ERROR(database.run(kTables));
  std::unique_ptr<JobStore> store(new JobStore(folder, std::move(database)));
  store->lock_ = ::open((folder + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (store->lock_ < 0 || flock(store->lock_, LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::kUnavailable, "another server has the files and batches of this folder",
                folder);
  }
  RETURN_IF_ERROR(store->remove_strays());
  return store;
}

JobStore::~JobStore() {
  if (lock_ >= 0) close(lock_);
}

std::string JobStore::path_of(const std::string& id) const { return folder_ + "/files/" + id; }

// A file is written before its row: one without a row is what a crash left.
Status JobStore::remove_strays() {
  std::set<std::string> known;
  ASSIGN_OR_RETURN(Statement row, database_.prepare("SELECT id FROM files"));
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, row.step());
    if (!more) break;
    known.insert(row.text(0));
  }
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(folder_ + "/files", ec)) {
    if (!known.contains(entry.path().filename().string())) fs::remove(entry.path(), ec);
  }
  return {};
}

Status JobStore::transaction(const std::function<Status()>& change) {
  RETURN_IF_ERROR(database_.run("BEGIN IMMEDIATE"));
  Status done = change();
  if (done) done = database_.run("COMMIT");
  if (!done) (void)database_.run("ROLLBACK");
  return done;
}

Result<JobFile> JobStore::insert_file(const std::string& scope, const std::string& filename,
                                      const std::string& purpose, std::string_view content) {
  JobFile file{random_id("file-"), filename, purpose, static_cast<int64_t>(content.size()),
               std::time(nullptr)};
  RETURN_IF_ERROR(write_state_file(path_of(file.id), content, Access::kOwner));
  ASSIGN_OR_RETURN(Statement row, database_.prepare("INSERT INTO files VALUES (?,?,?,?,?,?)"));
  RETURN_IF_ERROR(row.bind(file.id)
                      .bind(scope)
                      .bind(filename)
                      .bind(purpose)
                      .bind(file.bytes)
                      .bind(file.created)
                      .run());
  return file;
}

Result<JobFile> JobStore::add_file(const std::string& scope, const std::string& filename,
                                   const std::string& purpose, std::string_view content) {
  const std::lock_guard lock(mutex_);
  return insert_file(scope, filename, purpose, content);
}

Result<JobFile> JobStore::file(const std::string& scope, const std::string& id) {
  const std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Statement row,
                   database_.prepare(std::string(kFileColumns) + " WHERE scope = ? AND id = ?"));
  row.bind(scope).bind(id);
  ASSIGN_OR_RETURN(const bool found, row.step());
  if (!found) return missing("file", id);
  return file_of(row);
}

Result<std::vector<JobFile>> JobStore::files(const std::string& scope) {
  const std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Statement row,
                   database_.prepare(std::string(kFileColumns) +
                                     " WHERE scope = ? ORDER BY created DESC, rowid DESC"));
  row.bind(scope);
  std::vector<JobFile> out;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, row.step());
    if (!more) return out;
    out.push_back(file_of(row));
  }
}

Result<std::string> JobStore::content(const std::string& scope, const std::string& id) {
  ASSIGN_OR_RETURN(const JobFile known, file(scope, id));
  return read_small_file(path_of(known.id), static_cast<uint64_t>(known.bytes));
}

Status JobStore::remove_file(const std::string& scope, const std::string& id) {
  ASSIGN_OR_RETURN(const JobFile known, file(scope, id));
  const std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Statement row, database_.prepare("DELETE FROM files WHERE id = ?"));
  RETURN_IF_ERROR(row.bind(known.id).run());
  std::error_code ec;
  fs::remove(path_of(known.id), ec);  // else a stray, gone at the next start
  return {};
}

Result<BatchJob> JobStore::add_batch(BatchJob batch) {
  const std::lock_guard lock(mutex_);
  batch.id = random_id("batch_");
  batch.created = std::time(nullptr);
  ASSIGN_OR_RETURN(
      Statement row,
      database_.prepare("INSERT INTO batches VALUES (?,?,?,?,'','',?,'',?,?,?,?,?,0,?,0,?,0,0)"));
  RETURN_IF_ERROR(row.bind(batch.id)
                      .bind(batch.scope)
                      .bind(batch.endpoint)
                      .bind(batch.input_file)
                      .bind(batch.metadata_json)
                      .bind(batch.user)
                      .bind(batch.tenant)
                      .bind(batch.credential)
                      .bind(join(batch.roles))
                      .bind(join(batch.scopes))
                      .bind(batch.created)
                      .bind(batch.total)
                      .run());
  return batch;
}

Result<std::vector<BatchJob>> JobStore::select(std::string_view where,
                                               const std::vector<std::string>& values) {
  ASSIGN_OR_RETURN(Statement row,
                   database_.prepare(std::string(kBatchColumns) + std::string(where)));
  for (const std::string& value : values) row.bind(value);
  std::vector<BatchJob> out;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, row.step());
    if (!more) return out;
    BatchJob b;
    b.id = row.text(0);
    b.scope = row.text(1);
    b.endpoint = row.text(2);
    b.input_file = row.text(3);
    b.output_file = row.text(4);
    b.error_file = row.text(5);
    b.metadata_json = row.text(6);
    b.failure = row.text(7);
    b.user = row.text(8);
    b.tenant = row.text(9);
    b.credential = row.text(10);
    b.roles = split(row.text(11));
    b.scopes = split(row.text(12));
    b.state = static_cast<BatchState>(row.integer(13));
    b.created = row.integer(14);
    b.ended = row.integer(15);
    b.total = row.integer(16);
    b.succeeded = row.integer(17);
    b.failed = row.integer(18);
    out.push_back(std::move(b));
  }
}

Result<BatchJob> JobStore::batch(const std::string& scope, const std::string& id) {
  const std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(auto found, select("WHERE scope = ? AND id = ?", {scope, id}));
  if (found.empty()) return missing("batch", id);
  return std::move(found.front());
}

Result<std::vector<BatchJob>> JobStore::batches(const std::string& scope) {
  const std::lock_guard lock(mutex_);
  return select("WHERE scope = ? ORDER BY created DESC, rowid DESC", {scope});
}

Result<std::vector<BatchJob>> JobStore::active() {
  const std::lock_guard lock(mutex_);
  return select("WHERE state = 0 ORDER BY created, rowid", {});
}

Result<std::vector<int64_t>> JobStore::finished_lines(const std::string& id) {
  const std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Statement row, database_.prepare("SELECT line FROM results WHERE batch = ?"));
  row.bind(id);
  std::vector<int64_t> out;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, row.step());
    if (!more) return out;
    out.push_back(row.integer(0));
  }
}

Status JobStore::add_result(const std::string& id, int64_t number, bool succeeded,
                            std::string_view line) {
  const std::lock_guard lock(mutex_);
  return transaction([&]() -> Status {
    ASSIGN_OR_RETURN(
        Statement row,
        database_.prepare("INSERT OR IGNORE INTO results SELECT ?1, ?2, ?3, ?4 WHERE "
                          "EXISTS (SELECT 1 FROM batches WHERE id = ?1 AND state = 0)"));
    RETURN_IF_ERROR(row.bind(id).bind(number).bind(int64_t{succeeded}).bind(line).run());
    if (database_.changes() == 0) return {};
    ASSIGN_OR_RETURN(
        Statement count,
        database_.prepare(succeeded ? "UPDATE batches SET succeeded = succeeded + 1 WHERE id = ?"
                                    : "UPDATE batches SET failed = failed + 1 WHERE id = ?"));
    return count.bind(id).run();
  });
}

Result<std::string> JobStore::results_of(const std::string& id, bool succeeded) {
  ASSIGN_OR_RETURN(Statement row, database_.prepare("SELECT text FROM results WHERE batch = ? AND "
                                                    "succeeded = ? ORDER BY line"));
  row.bind(id).bind(int64_t{succeeded});
  std::string out;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, row.step());
    if (!more) return out;
    out += row.text(0) + "\n";
  }
}

Status JobStore::finish(const BatchJob& batch, BatchState state, const std::string& failure) {
  const std::lock_guard lock(mutex_);
  return transaction([&]() -> Status {
    ASSIGN_OR_RETURN(const auto still, select("WHERE state = 0 AND id = ?", {batch.id}));
    if (still.empty()) return {};  // somebody else ended it
    std::string files[2];
    for (const bool succeeded : {false, true}) {
      ASSIGN_OR_RETURN(const std::string text, results_of(batch.id, succeeded));
      if (text.empty()) continue;
      const std::string name = fmt::format("{}_{}.jsonl", batch.id, succeeded ? "output" : "error");
      ASSIGN_OR_RETURN(const JobFile file, insert_file(batch.scope, name, "batch_output", text));
      files[succeeded] = file.id;
    }
    ASSIGN_OR_RETURN(Statement row,
                     database_.prepare("UPDATE batches SET state = ?, output_file = ?, error_file "
                                       "= ?, failure = ?, ended = ? WHERE id = ? AND state = 0"));
    RETURN_IF_ERROR(row.bind(static_cast<int64_t>(state))
                        .bind(files[1])
                        .bind(files[0])
                        .bind(failure)
                        .bind(std::time(nullptr))
                        .bind(batch.id)
                        .run());
    ASSIGN_OR_RETURN(Statement rest, database_.prepare("DELETE FROM results WHERE batch = ?"));
    return rest.bind(batch.id).run();
  });
}

Result<BatchJob> JobStore::cancel(const std::string& scope, const std::string& id) {
  ASSIGN_OR_RETURN(const BatchJob known, batch(scope, id));
  if (known.state == BatchState::kInProgress) {
    RETURN_IF_ERROR(finish(known, BatchState::kCancelled, {}));
  }
  return batch(scope, id);
}

}  // namespace holdfast
