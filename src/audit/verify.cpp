#include "audit/verify.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include <boost/json.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include "audit/folder.h"
#include "audit/scan.h"
#include "base/thread_pool.h"

namespace holdfast::audit {

namespace {

struct Checked {
  SegmentFile file;
  Status readable;  // the file, its compression, its header
  std::optional<ScanResult> scan;
  uint64_t bytes = 0;
  std::optional<uint64_t> removed_before;  // an "audit.removed" record says so
  std::optional<Digest> expected_root;     // at the expected checkpoint's size
};

// "audit.removed" records say up to which record older ones were taken away on purpose.
std::optional<uint64_t> removed_end(std::string_view body) {
  if (body.find("audit.removed") == std::string_view::npos) return std::nullopt;
  boost::system::error_code ec;
  const auto value = boost::json::parse({body.data(), body.size()}, ec);
  if (ec || !value.is_object()) return std::nullopt;
  const auto& object = value.get_object();
  const auto* event = object.if_contains("event");
  const auto* end = object.if_contains("end");
  if (event == nullptr || *event != "audit.removed" || end == nullptr) return std::nullopt;
  const auto number = end->to_number<uint64_t>(ec);
  return ec ? std::nullopt : std::optional(number);
}

bool being_written(const std::string& segment) {
  const std::string lock = std::filesystem::path(segment).parent_path() / "lock";
  const int fd = open(lock.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool taken = flock(fd, LOCK_SH | LOCK_NB) != 0;
  close(fd);
  return taken;
}

void check(Checked& out, const VerifyOptions& options) {
  // A server may be writing the newest segment: what looks cut is read again.
  const bool live = !out.file.packed && being_written(out.file.path);
  for (int attempt = 0; attempt < 10; ++attempt) {
    out.removed_before.reset();
    out.expected_root.reset();
    const auto bytes = load_segment(out.file);
    if (!bytes) {
      out.readable = fail(bytes.error());
      return;
    }
    ScanOptions scan;
    scan.trusted = options.trusted;
    scan.on_record = [&](const Record& record, size_t) {
      if (const auto end = removed_end(record.body)) out.removed_before = end;
    };
    if (options.expect) {
      scan.on_checkpoint = [&](const Checkpoint& checkpoint) {
        if (checkpoint.size == options.expect->checkpoint.size) out.expected_root = checkpoint.root;
      };
    }
    auto result = scan_segment(std::as_bytes(std::span(*bytes)), scan);
    if (!result) {
      out.readable = fail(result.error());
      return;
    }
    const bool again = result->problem && live;
    out.scan = std::move(*result);
    out.bytes = bytes->size();
    if (!again) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

class Report {
 public:
  Report(const VerifyOptions& options, std::vector<Checked>& segments)
      : options_(options), segments_(segments) {
    out_.key_trusted = !options.trusted.empty();
  }

  VerifyReport make() {
    for (const Checked& segment : segments_) add(segment);
    check_beginning();
    check_expected();
    return std::move(out_);
  }

 private:
  void bad(uint64_t record, std::string where, std::string what) {
    out_.bad.push_back({record, std::move(where), std::move(what)});
  }

  void add(const Checked& segment) {
    const std::string& path = segment.file.path;
    out_.bytes += segment.bytes;
    if (!segment.readable) {
      const Error& error = segment.readable.error();
      bad(segment.file.first, error.where.starts_with("byte") ? path + ", " + error.where : path,
          error.message);
      broken_ = true;
      return;
    }
    const ScanResult& scan = *segment.scan;
    if (scan.header.first() != segment.file.first) {
      bad(segment.file.first, path,
          fmt::format("the file is named after record {} and holds record {} and on",
                      segment.file.first, scan.header.first()));
    }
    if (previous_ != nullptr && previous_->header.first() == scan.header.first()) {
      // Both forms of one segment: a compression was cut short.
      if (previous_->tree != scan.tree || previous_->good_end != scan.good_end) {
        bad(scan.header.first(), path, "the compressed segment differs from the plain one");
      }
      return;
    }
    ++out_.segments;
    out_.checkpoints += scan.checkpoints;
    if (!out_.log_id) {
      out_.log_id = scan.header.log_id;
      out_.first = scan.header.first();
    }
    if (std::find(out_.keys.begin(), out_.keys.end(), scan.header.key) == out_.keys.end()) {
      out_.keys.push_back(scan.header.key);
    }
    if (scan.header.log_id != *out_.log_id) {
      bad(segment.file.first, path, "this segment is of another log");
    } else if (previous_ != nullptr && !broken_) {
      check_seam(*previous_, scan, path);
    }
    if (scan.problem) {
      bad(scan.problem->record, fmt::format("{}, byte {}", path, scan.problem->offset),
          scan.problem->what);
    }
    broken_ = scan.problem.has_value();
    out_.end = scan.tree.size();
    if (scan.last) out_.last = scan.last;
    previous_ = &scan;
  }

  void check_seam(const ScanResult& before, const ScanResult& after, const std::string& path) {
    if (after.header.first() > before.tree.size()) {
      bad(before.tree.size(), path,
          fmt::format("records {} to {} are missing before this segment", before.tree.size(),
                      after.header.first() - 1));
    } else if (after.header.before != before.tree || after.header.chain != before.chain) {
      bad(after.header.first(), path, "this segment does not continue the one before");
    }
  }

  // A log begins with record 0, or says itself that its beginning was removed.
  void check_beginning() {
    if (!out_.log_id) return;
    if (out_.first == 0) return;
    for (const Checked& segment : segments_) {
      if (segment.removed_before && *segment.removed_before >= out_.first) return;
    }
    bad(0, segments_.front().file.path,
        fmt::format("records 0 to {} are missing, and no record says that they were removed",
                    out_.first - 1));
  }

  void check_expected() {
    if (!options_.expect) return;
    const Checkpoint& expected = options_.expect->checkpoint;
    if (out_.log_id && options_.expect->log_id != *out_.log_id) {
      return bad(out_.first, "the kept checkpoint", "it is of another log");
    }
    if (!check_signature()) {
      return bad(out_.end, "the kept checkpoint", "its signature does not hold");
    }
    if (expected.size > out_.end) {
      return bad(out_.end, "the kept checkpoint",
                 fmt::format("the log ends at {} records, and had {}", out_.end, expected.size));
    }
    if (expected.size <= out_.first) return;  // its records were removed on purpose
    for (const Checked& segment : segments_) {
      if (!segment.expected_root) continue;
      if (*segment.expected_root == expected.root) return;
      break;
    }
    // Every checkpoint ever signed stands in the log.
    bad(expected.size - 1, "the kept checkpoint",
        fmt::format("the log's first {} records are not those it was made over", expected.size));
  }

  bool check_signature() const {
    const auto& keys = options_.trusted.empty() ? out_.keys : options_.trusted;
    return std::any_of(keys.begin(), keys.end(), [&](const PublicKey& key) {
      return Verifier(key).verify(
          checkpoint_text(options_.expect->log_id, options_.expect->checkpoint),
          options_.expect->checkpoint.signature);
    });
  }

  const VerifyOptions& options_;
  std::vector<Checked>& segments_;
  VerifyReport out_;
  const ScanResult* previous_ = nullptr;
  bool broken_ = false;  // the segment before ends in what is bad: its end is not known
};

}  // namespace

Result<VerifyReport> verify_log(const VerifyOptions& options) {
  ASSIGN_OR_RETURN(auto files, list_segments(options.folders));
  std::vector<Checked> segments(files.size());
  for (size_t i = 0; i < files.size(); ++i) segments[i].file = std::move(files[i]);
  const size_t cores =
      static_cast<size_t>(options.threads > 0 ? options.threads : ThreadPool::available_cpus());
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < segments.size(); i = next++) check(segments[i], options);
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < std::min(cores, segments.size()); ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  VerifyReport report = Report(options, segments).make();
  if (segments.empty()) {
    report.bad.push_back({0, options.folders.empty() ? "" : options.folders.front(),
                          "there is no audit log in this folder"});
  }
  return report;
}

}  // namespace holdfast::audit
