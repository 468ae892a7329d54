#include "audit/scan.h"

#include <algorithm>

#include <fmt/format.h>

namespace holdfast::audit {

namespace {

class Scan {
 public:
  Scan(SegmentReader reader, const ScanOptions& options)
      : reader_(std::move(reader)), options_(options), verifier_(reader_.header().key) {
    out_.header = reader_.header();
    out_.good_end = reader_.offset();
    out_.chain = chain_ = out_.header.chain;
    out_.tree = tree_ = out_.header.before;
  }

  Status check_header() const {
    const SegmentHeader& header = out_.header;
    const auto& trusted = options_.trusted;
    if (!trusted.empty() &&
        std::find(trusted.begin(), trusted.end(), header.key) == trusted.end()) {
      return fail(Code::kCorrupt, "the header is signed by a key that is not trusted here",
                  "byte 0", "the key's public half can be given with --public-key");
    }
    if (!verifier_.verify(header.signed_bytes(), header.signature)) {
      return fail(Code::kCorrupt, "the header's signature does not hold", "byte 0");
    }
    return {};
  }

  ScanResult run() {
    while (!out_.problem && !reader_.at_end()) step();
    if (!out_.problem && tree_.size() != out_.tree.size()) {
      wrong(out_.tree.size(), "no checkpoint covers the last records");
    }
    if (!options_.every_signature && out_.last &&
        !verifier_.verify(checkpoint_text(out_.header.log_id, *out_.last), out_.last->signature)) {
      last_signature_bad_ = true;
    }
    return std::move(out_);
  }
  bool last_signature_bad() const { return last_signature_bad_; }

 private:
  void step() {
    at_ = reader_.offset();
    auto frame = reader_.next();
    if (!frame) return wrong(tree_.size(), frame.error().message);
    if (const auto* record = std::get_if<Record>(&*frame)) return take(*record);
    take(std::get<Checkpoint>(*frame));
  }

  void take(const Record& record) {
    if (record.number != tree_.size()) {
      return wrong(tree_.size(), fmt::format("record {} stands where record {} belongs",
                                             record.number, tree_.size()));
    }
    if (record_hash(chain_, record.number, record.time, record.body) != record.hash) {
      return wrong(record.number, "the record's hash does not fit its bytes and the record before");
    }
    if (options_.on_record) options_.on_record(record, at_);
    chain_ = record.hash;
    tree_.push(record.hash);
  }

  void take(const Checkpoint& checkpoint) {
    if (checkpoint.size != tree_.size() || checkpoint.root != tree_.root()) {
      return wrong(out_.tree.size(), "the checkpoint's root is not that of the records before it");
    }
    if (options_.every_signature &&
        !verifier_.verify(checkpoint_text(out_.header.log_id, checkpoint), checkpoint.signature)) {
      return wrong(out_.tree.size(), "the checkpoint's signature does not hold");
    }
    out_.good_end = reader_.offset();
    out_.chain = chain_;
    out_.tree = tree_;
    out_.last = checkpoint;
    ++out_.checkpoints;
    if (options_.on_checkpoint) options_.on_checkpoint(checkpoint);
  }

  void wrong(uint64_t record, std::string what) {
    out_.problem = Problem{record, at_, std::move(what)};
  }

  SegmentReader reader_;
  const ScanOptions& options_;
  Verifier verifier_;
  ScanResult out_;
  size_t at_ = 0;
  Digest chain_{};
  MerkleFrontier tree_;
  bool last_signature_bad_ = false;
};

}  // namespace

Result<ScanResult> scan_segment(std::span<const std::byte> bytes, const ScanOptions& options) {
  ASSIGN_OR_RETURN(const SegmentReader reader, SegmentReader::open(bytes));
  Scan scan(reader, options);
  RETURN_IF_ERROR(scan.check_header());
  ScanResult result = scan.run();
  if (!scan.last_signature_bad()) return result;
  // Something before the last signature is wrong: find the first.
  ScanOptions careful = options;
  careful.every_signature = true;
  return Scan(reader, careful).run();
}

}  // namespace holdfast::audit
