#include "audit/query.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "audit/folder.h"
#include "audit/receipt.h"

namespace holdfast::audit {

namespace {

// Of a segment in two forms, one.
std::vector<SegmentFile> without_twins(std::vector<SegmentFile> files) {
  files.erase(std::unique(files.begin(), files.end(),
                          [](const auto& a, const auto& b) { return a.first == b.first; }),
              files.end());
  return files;
}

Error at(const SegmentFile& file, Error error) {
  if (!error.where.starts_with(file.path)) {
    error.where = file.path + (error.where.empty() ? "" : ", " + error.where);
  }
  if (error.hint.empty()) error.hint = "'holdfast audit verify' says what is wrong with the log";
  return error;
}

// What stands behind the last whole frame is being written, or was when somebody pulled the plug.
Status walk(const SegmentFile& file, bool newest,
            const std::function<void(const SegmentReader&)>& begin,
            const std::function<bool(const std::variant<Record, Checkpoint>&)>& take) {
  const auto bytes = load_segment(file);
  if (!bytes) return fail(at(file, bytes.error()));
  auto reader = SegmentReader::open(std::as_bytes(std::span(*bytes)));
  if (!reader) return fail(at(file, reader.error()));
  begin(*reader);
  while (!reader->at_end()) {
    const auto frame = reader->next();
    if (!frame && newest) return {};
    if (!frame) return fail(at(file, frame.error()));
    if (!take(*frame)) return {};
  }
  return {};
}

}  // namespace

Status for_each_record(const Query& query, const std::function<bool(const Record&)>& take) {
  ASSIGN_OR_RETURN(auto listed, list_segments(query.folders));
  const std::vector<SegmentFile> files = without_twins(std::move(listed));
  bool more = true;
  for (size_t i = 0; i < files.size() && more; ++i) {
    RETURN_IF_ERROR(walk(
        files[i], i + 1 == files.size(),
        [&](const SegmentReader& reader) {
          if (reader.header().created > query.until) more = false;
        },
        [&](const std::variant<Record, Checkpoint>& frame) {
          const auto* record = std::get_if<Record>(&frame);
          if (!more || record == nullptr) return more;
          if (record->time < query.since || record->time > query.until) return true;
          if (!query.contains.empty() &&
              record->body.find(query.contains) == std::string_view::npos) {
            return true;
          }
          return more = take(*record);
        }));
  }
  return {};
}

Result<KeptRecord> find_receipt(const std::vector<std::string>& folders, std::string_view receipt) {
  const auto made = receipt_time(receipt);
  if (!made) {
    return fail(Code::kInvalidArgument, "this is no receipt", std::string(receipt),
                "a receipt is what the server sends as holdfast-receipt: hfr_ and 26 characters");
  }
  // Segments from the newest whose first record is older than the receipt, onwards: the record
  // closes after the receipt was made. A clock set back costs only time: all are read then.
  ASSIGN_OR_RETURN(auto listed, list_segments(folders));
  const std::vector<SegmentFile> files = without_twins(std::move(listed));
  const std::string wanted = fmt::format("\"receipt\":\"{}\"", receipt);
  std::optional<KeptRecord> found;
  std::vector<uint64_t> created(files.size());
  size_t begin = files.size();
  const auto look = [&](size_t i) {
    return walk(
        files[i], i + 1 == files.size(),
        [&](const SegmentReader& reader) { created[i] = reader.header().created; },
        [&](const std::variant<Record, Checkpoint>& frame) {
          const auto* record = std::get_if<Record>(&frame);
          if (record != nullptr && record->body.find(wanted) != std::string_view::npos &&
              (!found || record->number > found->number)) {
            found =
                KeptRecord{record->number, record->time, std::string(record->body), record->hash};
          }
          return true;
        });
  };
  while (begin > 0) {
    --begin;
    RETURN_IF_ERROR(look(begin));
    if (found && created[begin] <= *made) break;
  }
  if (!found) return fail(Code::kNotFound, "no record has this receipt", std::string(receipt));
  return *found;
}

Result<KeptRecord> find_record(const std::vector<std::string>& folders, const std::string& what) {
  uint64_t number = 0;
  const auto [end, ec] = std::from_chars(what.data(), what.data() + what.size(), number);
  if (ec != std::errc() || end != what.data() + what.size()) return find_receipt(folders, what);
  std::optional<KeptRecord> found;
  RETURN_IF_ERROR(for_each_record({.folders = folders}, [&](const Record& record) {
    if (record.number == number) {
      found = KeptRecord{number, record.time, std::string(record.body), record.hash};
    }
    return record.number < number;
  }));
  if (!found) return fail(Code::kNotFound, "the log has no record of this number", what);
  return *found;
}

Result<Leaves> load_leaves(const std::vector<std::string>& folders) {
  ASSIGN_OR_RETURN(auto listed, list_segments(folders));
  const std::vector<SegmentFile> files = without_twins(std::move(listed));
  Leaves out;
  std::vector<Digest> pending;  // not yet covered by a checkpoint
  for (size_t i = 0; i < files.size(); ++i) {
    RETURN_IF_ERROR(walk(
        files[i], i + 1 == files.size(),
        [&](const SegmentReader& reader) {
          if (i == 0) {
            out.leaves = MerkleLeaves(reader.header().before);
            out.chain = reader.header().chain;
          }
          out.log_id = reader.header().log_id;
          out.key = reader.header().key;
        },
        [&](const std::variant<Record, Checkpoint>& frame) {
          if (const auto* record = std::get_if<Record>(&frame)) {
            pending.push_back(record->hash);
          } else {
            for (const Digest& leaf : pending) out.leaves.push(leaf);
            pending.clear();
            out.last = std::get<Checkpoint>(frame);
          }
          return true;
        }));
  }
  if (!out.last || out.leaves.size() != out.last->size) {
    return fail(Code::kCorrupt, "the log's records are not all there",
                folders.empty() ? "" : folders.front(),
                "'holdfast audit verify' says what is wrong with the log");
  }
  return out;
}

}  // namespace holdfast::audit
