// A whole log, checked on a copy: needs nothing but the files and a public key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "audit/format.h"
#include "base/result.h"

namespace holdfast::audit {

struct VerifyOptions {
  std::vector<std::string> folders;
  std::vector<PublicKey> trusted;  // empty: whatever key the log names; `key_trusted` is false then
  // A checkpoint that somebody kept: the log must still contain it. Finds a log that was cut or
  // replaced by an older version of itself, which nothing inside the log can show.
  std::optional<NamedCheckpoint> expect;
  int threads = 0;  // 0: one a core
};

struct BadRecord {
  uint64_t record = 0;  // the first that cannot be relied on
  std::string where;    // file and byte
  std::string what;
};

struct VerifyReport {
  uint64_t first = 0, end = 0;  // records [first, end) are there and good (up to `bad`)
  uint64_t segments = 0, checkpoints = 0, bytes = 0;  // bytes: uncompressed
  std::optional<LogId> log_id;
  std::optional<Checkpoint> last;
  std::vector<PublicKey> keys;  // that signed it, in order
  bool key_trusted = false;
  std::vector<BadRecord> bad;  // in the order of the log; empty: all is well

  bool ok() const { return bad.empty(); }
};

// Fails only when the folders cannot be read; what is wrong with the log stands in the report.
Result<VerifyReport> verify_log(const VerifyOptions& options);

}  // namespace holdfast::audit
