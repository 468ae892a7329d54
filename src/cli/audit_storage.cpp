// holdfast audit storage: what the log takes, and what a cheaper disk saves.
#include <fstream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "audit/compress.h"
#include "audit/folder.h"
#include "audit/log_writer.h"
#include "audit/maintenance.h"
#include "cli/audit_command.h"
#include "files/json_writer.h"

namespace holdfast::cli {

namespace {

struct StorageOptions : LogPlace {
  bool move = false, json = false;
};

struct Sums {
  uint64_t segments = 0, packed = 0;
  uint64_t plain_bytes = 0;                 // of all, uncompressed
  uint64_t fast_bytes = 0, cold_bytes = 0;  // as they lie on the disks
  uint64_t movable_bytes = 0;               // closed, and on the fast disk
};

Result<Sums> sum(const StorageOptions& options) {
  Sums out;
  ASSIGN_OR_RETURN(const auto fast, audit::list_segments({options.place().folder}));
  ASSIGN_OR_RETURN(const auto cold, audit::list_segments(options.cold));
  const auto add = [&](const audit::SegmentFile& file, bool is_cold) {
    ++out.segments;
    out.packed += file.packed;
    uint64_t plain = file.bytes;
    if (file.packed) {
      char head[32] = {};
      std::ifstream in(file.path, std::ios::binary);
      in.read(head, sizeof(head));
      plain = audit::unpacked_size({head, static_cast<size_t>(in.gcount())});
    }
    out.plain_bytes += plain;
    (is_cold ? out.cold_bytes : out.fast_bytes) += file.bytes;
  };
  for (size_t i = 0; i < fast.size(); ++i) {
    add(fast[i], false);
    if (i + 1 < fast.size()) out.movable_bytes += fast[i].bytes;
  }
  for (const auto& file : cold) add(file, true);
  return out;
}

Status move_segments(const StorageOptions& options) {
  const AuditPlace place = options.place();
  ASSIGN_OR_RETURN(auto signer, audit::open_key_file(place.signing_key()));
  // Opening takes the log from any server: moving files under one's hands would end badly.
  audit::LogWriterOptions files;
  files.folder = place.folder;
  files.head_file = place.head();
  ASSIGN_OR_RETURN(const auto log, audit::LogWriter::open(files, *signer));
  RETURN_IF_ERROR(audit::pack_closed(place.folder, log->segment_first()));
  return audit::move_closed(place.folder, options.cold.front(), log->segment_first());
}

double percent(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

Status storage(const StorageOptions& options) {
  if (options.move) {
    if (options.cold.empty()) {
      return fail(Code::kInvalidArgument, "where to?", "--move", "name a folder with --audit-cold");
    }
    RETURN_IF_ERROR(move_segments(options));
  }
  ASSIGN_OR_RETURN(const Sums sums, sum(options));
  const uint64_t stored = sums.fast_bytes + sums.cold_bytes;
  const uint64_t saved = sums.plain_bytes - std::min(sums.plain_bytes, sums.fast_bytes);
  if (options.json) {
    JsonWriter w(JsonWriter::kCompact);
    w.begin_object().field("segments", sums.segments).field("packed", sums.packed);
    w.field("uncompressed_bytes", sums.plain_bytes).field("stored_bytes", stored);
    w.field("fast_bytes", sums.fast_bytes).field("cold_bytes", sums.cold_bytes);
    w.field("movable_bytes", sums.movable_bytes).field("saved_on_fast_bytes", saved).end_object();
    fmt::print("{}\n", w.text());
    return {};
  }
  fmt::print("{} segments, {} of them compressed\n", sums.segments, sums.packed);
  fmt::print("{:>14} bytes if nothing were compressed or moved\n", sums.plain_bytes);
  fmt::print("{:>14} bytes stored\n", stored);
  fmt::print("{:>14} bytes of them on the fast disk ({})\n", sums.fast_bytes,
             options.place().folder);
  fmt::print("{:>14} bytes on the cold one\n", sums.cold_bytes);
  fmt::print("compression and moving save {:.0f}% of the fast disk\n",
             percent(saved, sums.plain_bytes));
  if (sums.movable_bytes > 0) {
    fmt::print(
        "moving the closed segments too would free {} bytes more ({:.0f}% of what is left): "
        "serve --audit-cold DIR, or audit storage --audit-cold DIR --move\n",
        sums.movable_bytes, percent(sums.movable_bytes, sums.fast_bytes));
  }
  return {};
}

}  // namespace

void add_audit_storage(CLI::App& audit, Action& action) {
  auto options = std::make_shared<StorageOptions>();
  CLI::App* command = audit.add_subcommand(
      "storage", "What the log takes on its disks, and what compression and a cold disk save");
  add_place_options(*command, *options);
  command->add_flag("--move", options->move,
                    "compress closed segments and move them to --audit-cold; no server may run");
  command->add_flag("--json", options->json, "one JSON document");
  command->callback([options, &action] {
    action = [options] {
      const Status status = storage(*options);
      return status ? 0 : report(status.error());
    };
  });
}

}  // namespace holdfast::cli
