// The bytes of the log: docs/formats/audit.md. Numbers are little-endian. Reading here checks shape
// only; whether hashes and signatures hold is scan.h's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "audit/signer.h"
#include "base/merkle.h"
#include "base/result.h"

namespace holdfast::audit {

inline constexpr size_t kMaxBody = 64u << 20;  // of one record
inline constexpr size_t kRecordOverhead = 4 + 1 + 8 + 8 + 32;
inline constexpr size_t kCheckpointBytes = 4 + 1 + 8 + 8 + 32 + 64;

using LogId = std::array<uint8_t, 16>;

// What a segment begins with: where in the log it stands, so that it can be checked alone.
struct SegmentHeader {
  LogId log_id{};
  uint64_t created = 0;   // microseconds since 1970
  Digest chain{};         // the hash of the record before; zeros at the very first
  PublicKey key{};        // whose signatures follow
  MerkleFrontier before;  // the tree of all records before; its size is the first record's number
  Signature signature{};

  uint64_t first() const { return before.size(); }
  // What the signature covers: everything before it.
  std::string signed_bytes() const;
  std::string encode() const;
};

struct Record {
  uint64_t number = 0;
  uint64_t time = 0;      // microseconds since 1970
  std::string_view body;  // JSON
  Digest hash{};
};

// SHA-256(0x00 || chain || number || time || body): at once the next record's chain and the
// Merkle tree's leaf.
Digest record_hash(const Digest& chain, uint64_t number, uint64_t time, std::string_view body);
void append_record(const Record& record, std::string& out);
// The records among whole frames; views into `frames`.
Result<std::vector<Record>> parse_records(std::string_view frames);

struct Checkpoint {
  uint64_t size = 0;  // records before it
  uint64_t time = 0;  // microseconds since 1970
  Digest root{};      // of the Merkle tree over them
  Signature signature{};

  void append_to(std::string& out) const;
};

// What a checkpoint's signature covers: the text of a C2SP tlog-checkpoint with one extension line.
std::string checkpoint_text(const LogId& log_id, const Checkpoint& checkpoint);
// The same as a signed note (C2SP signed-note), for keeping elsewhere and for other people's tools.
std::string checkpoint_note(const LogId& log_id, const PublicKey& key,
                            const Checkpoint& checkpoint);

struct NamedCheckpoint {
  LogId log_id{};
  Checkpoint checkpoint;
};
// Reads checkpoint_note()'s text back; whether the signature holds is the caller's to ask.
Result<NamedCheckpoint> parse_checkpoint_note(std::string_view text);

// Walks over one segment. Views stay valid as long as `bytes`.
class SegmentReader {
 public:
  static Result<SegmentReader> open(std::span<const std::byte> bytes);

  const SegmentHeader& header() const { return header_; }
  size_t offset() const { return offset_; }  // of what next() reads
  bool at_end() const { return offset_ == bytes_.size(); }
  // corrupt when the bytes are no whole frame; then the reader stays where it is.
  Result<std::variant<Record, Checkpoint>> next();

 private:
  friend Result<std::vector<Record>> parse_records(std::string_view frames);
  std::span<const std::byte> bytes_;
  SegmentHeader header_;
  size_t offset_ = 0;
};

}  // namespace holdfast::audit
