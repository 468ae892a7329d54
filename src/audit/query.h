// Looking into a log: records in order, one by one, and proofs about them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/format.h"
#include "base/merkle.h"
#include "base/result.h"

namespace holdfast::audit {

struct Query {
  std::vector<std::string> folders;
  uint64_t since = 0, until = UINT64_MAX;  // microseconds since 1970
  std::string contains;                    // only bodies that hold these bytes; empty: all
};

// Calls `take` in order until it returns false. corrupt for bytes that are no log (hashes are not
// checked here: verify_log does that).
Status for_each_record(const Query& query, const std::function<bool(const Record&)>& take);

// A copied record; a Record's body points into a segment.
struct KeptRecord {
  uint64_t number = 0, time = 0;
  std::string body;
  Digest hash{};
};
// The last record of a receipt: that which closes the request. not_found.
Result<KeptRecord> find_receipt(const std::vector<std::string>& folders, std::string_view receipt);

// By a receipt, or by a record's number.
Result<KeptRecord> find_record(const std::vector<std::string>& folders, const std::string& what);

// All leaves that are there, for proofs, and the last checkpoint.
struct Leaves {
  LogId log_id{};
  PublicKey key{};
  Digest chain{};  // the hash of the record before the first leaf
  MerkleLeaves leaves;
  std::optional<Checkpoint> last;
};
Result<Leaves> load_leaves(const std::vector<std::string>& folders);

}  // namespace holdfast::audit
