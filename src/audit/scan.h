// One segment, checked: every hash, every root, every signature.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "audit/format.h"

namespace holdfast::audit {

// The first thing that is wrong. `record` is the first record that can no longer be relied on.
struct Problem {
  uint64_t record = 0;
  size_t offset = 0;  // in the segment, uncompressed
  std::string what;
};

struct ScanOptions {
  // Whose signatures count; empty: the key the header names (which proves consistency, not origin).
  std::vector<PublicKey> trusted;
  // Roots are recomputed at every checkpoint. Every signature, or only the last one (which covers
  // all before it; a start-up need not check what only an attacker would have touched)?
  bool every_signature = true;
  // Called in order for each record, before the checkpoint that covers it is reached.
  std::function<void(const Record&, size_t offset)> on_record;
  std::function<void(const Checkpoint&)> on_checkpoint;
};

struct ScanResult {
  SegmentHeader header;
  // Up to the last checkpoint that holds:
  size_t good_end = 0;  // offset behind it, or behind the header
  Digest chain{};
  MerkleFrontier tree;
  std::optional<Checkpoint> last;
  uint64_t checkpoints = 0;
  // What stands behind good_end and why it does not count. None: the segment is whole.
  std::optional<Problem> problem;

  uint64_t records() const { return tree.size() - header.first(); }
};

// corrupt when not even the header holds.
Result<ScanResult> scan_segment(std::span<const std::byte> bytes, const ScanOptions& options);

}  // namespace holdfast::audit
