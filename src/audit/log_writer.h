// The files of the log, written by one thread: batches of records, each batch closed by a signed
// checkpoint. After open() and after every failed call the log on the disk is what was acknowledged
// before, or is made so by the next call.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "audit/format.h"
#include "audit/storage.h"

namespace holdfast::audit {

struct LogWriterOptions {
  std::string folder;  // made when it is not there
  // A small file outside the folder that keeps the newest checkpoint: without it, who may write the
  // folder could cut the log's end and nobody would know. Empty: none.
  std::string head_file;
  uint64_t segment_bytes = 64u << 20;  // a segment that is this long is closed
  std::chrono::seconds segment_age{24 * 3600};
};

// What open() had to do about the log's end.
struct Recovery {
  uint64_t cut_bytes = 0;  // written by a process that did not live to acknowledge them
  std::string kept_as;     // where they are now
};

class LogWriter {
 public:
  // Takes the folder for itself: unavailable when another process has it. corrupt when the log does
  // not hold, or lacks records that the head file knows of.
  static Result<std::unique_ptr<LogWriter>> open(const LogWriterOptions& options, Signer& signer,
                                                 Storage& storage = Storage::system());
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // Appends all bodies or none. In the file when it returns, on the disk after sync(): call that
  // soon, what is between the two is kept in memory.
  Status append(std::span<const std::string> bodies);
  Status sync();

  struct Written {
    uint64_t first = 0;  // number of the first record of the batch
    std::string frames;  // as in the file, the checkpoint last
    Checkpoint checkpoint;
  };
  const Written& written() const { return written_; }  // by the last append()

  const LogId& log_id() const { return log_id_; }
  uint64_t size() const { return tree_.size(); }  // records, ever
  const std::optional<Recovery>& recovery() const { return recovery_; }
  // The file that is being written: the only one nobody else may touch.
  uint64_t segment_first() const { return segment_first_; }

 private:
  LogWriter(const LogWriterOptions& options, Signer& signer, Storage& storage);

  Status take_folder();
  Status recover();
  Status check_head(const NamedCheckpoint& head, bool log_exists) const;
  Status begin_segment();
  Status repair();
  void write_head();
  bool segment_is_full() const;

  const LogWriterOptions options_;
  Signer& signer_;
  Storage& storage_;
  int lock_ = -1, fd_ = -1, head_fd_ = -1;
  std::string path_;
  LogId log_id_{};
  uint64_t segment_first_ = 0, segment_created_ = 0;
  uint64_t good_bytes_ = 0;  // of the file: up to the last acknowledged checkpoint
  Digest chain_{};
  MerkleFrontier tree_;
  bool dirty_ = false;    // bytes beyond good_bytes_ may be in the file
  bool broken_ = false;   // a flush failed: what the disk holds of unsynced_ is unknown
  std::string unsynced_;  // the last bytes before good_bytes_: not known to be on the disk
  Written written_;
  std::optional<Recovery> recovery_;
};

}  // namespace holdfast::audit
