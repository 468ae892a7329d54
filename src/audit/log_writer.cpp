#include "audit/log_writer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include "audit/clock.h"
#include "audit/folder.h"
#include "audit/scan.h"
#include "base/check.h"
#include "base/crypto.h"
#include "base/state_file.h"

namespace holdfast::audit {

namespace {

constexpr size_t kHeadBytes = 512;  // the note, padded with line breaks: rewritten in place

}  // namespace

LogWriter::LogWriter(const LogWriterOptions& options, Signer& signer, Storage& storage)
    : options_(options), signer_(signer), storage_(storage) {}

LogWriter::~LogWriter() {
  if (fd_ >= 0) {
    (void)sync();
    storage_.close(fd_);
  }
  if (head_fd_ >= 0) close(head_fd_);
  if (lock_ >= 0) close(lock_);
}

Result<std::unique_ptr<LogWriter>> LogWriter::open(const LogWriterOptions& options, Signer& signer,
                                                   Storage& storage) {
  std::unique_ptr<LogWriter> log(new LogWriter(options, signer, storage));
  RETURN_IF_ERROR(log->take_folder());
  RETURN_IF_ERROR(log->recover());
  if (!options.head_file.empty()) {
    log->head_fd_ = ::open(options.head_file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (log->head_fd_ < 0) {
      return fail(Code::kUnavailable, fmt::format("cannot write: {}", std::strerror(errno)),
                  options.head_file);
    }
  }
  return log;
}

Status LogWriter::take_folder() {
  RETURN_IF_ERROR(make_private_folder(options_.folder));
  const std::string path = options_.folder + "/lock";
  lock_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_ < 0) {
    return fail(Code::kPermissionDenied,
                fmt::format("cannot write in the audit folder: {}", std::strerror(errno)),
                options_.folder);
  }
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::kUnavailable, "another server writes this audit log", options_.folder,
                "give each server a folder of its own with --audit DIR");
  }
  return {};
}

// The log's end as it was acknowledged; what lies beyond was not, and is put aside.
Status LogWriter::recover() {
  std::optional<NamedCheckpoint> head;
  if (!options_.head_file.empty() && access(options_.head_file.c_str(), F_OK) == 0) {
    ASSIGN_OR_RETURN(std::string text, read_small_file(options_.head_file));
    text.erase(text.find_last_not_of('\n') + 1);
    // Empty when the machine stopped before the first one reached the disk.
    if (!text.empty()) {
      ASSIGN_OR_RETURN(head, parse_checkpoint_note(text + "\n"));
    }
  }
  ASSIGN_OR_RETURN(const auto files, list_segments({options_.folder}));
  if (files.empty()) {
    if (head) RETURN_IF_ERROR(check_head(*head, false));
    const std::string random = random_bytes(log_id_.size());
    std::copy(random.begin(), random.end(), log_id_.begin());
    return begin_segment();
  }
  // When both forms of the newest are there, the plain one is whole: it goes last.
  const SegmentFile& newest =
      files.size() > 1 && files[files.size() - 2].first == files.back().first
          ? files[files.size() - 2]
          : files.back();
  ASSIGN_OR_RETURN(const std::string bytes, load_segment(newest));
  ScanOptions options;
  options.every_signature = false;
  MerkleFrontier at_head;
  const uint64_t head_size = head ? head->checkpoint.size : 0;
  std::optional<Digest> root_at_head;
  options.on_checkpoint = [&](const Checkpoint& checkpoint) {
    if (checkpoint.size == head_size) root_at_head = checkpoint.root;
  };
  auto scan = scan_segment(std::as_bytes(std::span(bytes)), options);
  if (!scan) {
    Error error = scan.error();
    error.where = newest.path + ", " + error.where;
    error.hint = "'holdfast audit verify' says more; the server begins a new log in another folder";
    return fail(std::move(error));
  }
  log_id_ = scan->header.log_id;
  tree_ = scan->tree;
  chain_ = scan->chain;
  if (head) {
    RETURN_IF_ERROR(check_head(*head, true));
    if (root_at_head && *root_at_head != head->checkpoint.root) {
      return fail(
          Code::kCorrupt,
          fmt::format("the log's first {} records are not those that were signed last", head_size),
          options_.folder, "this is another version of the log: find out who put it there");
    }
  }
  if (newest.packed || scan->header.key != signer_.public_key()) return begin_segment();

  path_ = newest.path;
  segment_first_ = scan->header.first();
  segment_created_ = scan->header.created;
  good_bytes_ = scan->good_end;
  ASSIGN_OR_RETURN(fd_, storage_.open(path_));
  if (bytes.size() > scan->good_end) {
    Recovery recovery;
    recovery.cut_bytes = bytes.size() - scan->good_end;
    recovery.kept_as = fmt::format("{}/cut-{}-{}", options_.folder, tree_.size(), now_us());
    RETURN_IF_ERROR(
        write_state_file(recovery.kept_as, bytes.substr(scan->good_end), Access::kOwner));
    dirty_ = true;
    RETURN_IF_ERROR(repair());
    recovery_ = std::move(recovery);
  }
  return {};
}

Status LogWriter::check_head(const NamedCheckpoint& head, bool log_exists) const {
  const std::string hint =
      "if the log was moved on purpose, remove " + options_.head_file + " to begin anew";
  if (!log_exists) {
    return fail(Code::kCorrupt,
                fmt::format("the audit log is gone: it had {} records", head.checkpoint.size),
                options_.folder, hint);
  }
  if (head.log_id != log_id_) {
    return fail(Code::kCorrupt, "another audit log stands where this server's was", options_.folder,
                hint);
  }
  if (head.checkpoint.size > tree_.size()) {
    return fail(Code::kCorrupt,
                fmt::format("the audit log ends at {} records, and {} were acknowledged",
                            tree_.size(), head.checkpoint.size),
                options_.folder, hint);
  }
  return {};
}

// A new file with nothing but its header; appears whole. On failure the old one stays in use.
Status LogWriter::begin_segment() {
  SegmentHeader header;
  header.log_id = log_id_;
  header.created = now_us();
  header.chain = chain_;
  header.key = signer_.public_key();
  header.before = tree_;
  ASSIGN_OR_RETURN(header.signature, signer_.sign(header.signed_bytes()));
  const std::string bytes = header.encode();
  const std::string path = options_.folder + "/" + segment_name(tree_.size(), false);
  const std::string temporary = options_.folder + "/new-segment";
  ASSIGN_OR_RETURN(const int fd, storage_.create(temporary));
  Status status = storage_.write(fd, 0, bytes, temporary);
  if (status) status = storage_.sync(fd, temporary);
  if (status) status = storage_.rename(temporary, path);
  if (status) status = storage_.sync_folder(options_.folder);
  if (!status) {
    storage_.close(fd);
    return status;
  }
  if (fd_ >= 0) storage_.close(fd_);
  fd_ = fd;
  path_ = path;
  segment_first_ = tree_.size();
  segment_created_ = header.created;
  good_bytes_ = bytes.size();
  dirty_ = broken_ = false;
  unsynced_.clear();
  return {};
}

bool LogWriter::segment_is_full() const {
  if (tree_.size() == segment_first_) return false;
  return good_bytes_ >= options_.segment_bytes ||
         now_us() - segment_created_ >=
             static_cast<uint64_t>(std::chrono::microseconds(options_.segment_age).count());
}

// Back to the last acknowledged byte.
Status LogWriter::repair() {
  if (!dirty_) return {};
  RETURN_IF_ERROR(storage_.truncate(fd_, good_bytes_, path_));
  dirty_ = false;
  return sync();
}

Status LogWriter::append(std::span<const std::string> bodies) {
  if (bodies.empty()) return {};
  RETURN_IF_ERROR(repair());
  if (broken_) RETURN_IF_ERROR(sync());
  if (segment_is_full()) {
    RETURN_IF_ERROR(sync());
    RETURN_IF_ERROR(begin_segment());
  }
  Written written;
  written.first = tree_.size();
  Digest chain = chain_;
  MerkleFrontier tree = tree_;
  for (const std::string& body : bodies) {
    CHECK(body.size() <= kMaxBody) << body.size();
    Record record{tree.size(), now_us(), body, {}};
    record.hash = chain = record_hash(chain, record.number, record.time, body);
    tree.push(chain);
    append_record(record, written.frames);
  }
  Checkpoint& checkpoint = written.checkpoint;
  checkpoint.size = tree.size();
  checkpoint.time = now_us();
  checkpoint.root = tree.root();
  ASSIGN_OR_RETURN(checkpoint.signature, signer_.sign(checkpoint_text(log_id_, checkpoint)));
  checkpoint.append_to(written.frames);

  dirty_ = true;
  RETURN_IF_ERROR(storage_.write(fd_, good_bytes_, written.frames, path_));
  dirty_ = false;
  good_bytes_ += written.frames.size();
  unsynced_ += written.frames;
  chain_ = chain;
  tree_ = std::move(tree);
  written_ = std::move(written);
  return {};
}

Status LogWriter::sync() {
  if (broken_) {
    // After saying once that it could not write pages, Linux takes them for written: give them
    // anew.
    RETURN_IF_ERROR(storage_.write(fd_, good_bytes_ - unsynced_.size(), unsynced_, path_));
  }
  broken_ = true;
  RETURN_IF_ERROR(storage_.sync(fd_, path_));
  broken_ = false;
  unsynced_.clear();
  write_head();
  return {};
}

// Best effort, not flushed, and after the log itself was: it only ever says less than the log does.
void LogWriter::write_head() {
  if (head_fd_ < 0 || written_.checkpoint.size == 0) return;
  std::string note = checkpoint_note(log_id_, signer_.public_key(), written_.checkpoint);
  note.resize(std::max(note.size(), kHeadBytes), '\n');
  [[maybe_unused]] const ssize_t put = pwrite(head_fd_, note.data(), note.size(), 0);
}

}  // namespace holdfast::audit
