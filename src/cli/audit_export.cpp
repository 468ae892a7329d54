// holdfast audit export: the log, or proofs about it, for people who do not have the log.
#include <algorithm>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "audit/clock.h"
#include "audit/proof.h"
#include "audit/query.h"
#include "base/state_file.h"
#include "cli/audit_command.h"
#include "files/json_writer.h"

namespace holdfast::cli {

namespace {

struct ExportOptions : LogPlace {
  bool checkpoint = false;
  std::string proof, consistency;
};

Result<std::string> note(const audit::Leaves& leaves) {
  if (!leaves.last) return fail(Code::kNotFound, "this log has no checkpoint yet");
  return audit::checkpoint_note(leaves.log_id, leaves.key, *leaves.last);
}

Status export_checkpoint(const ExportOptions& options) {
  ASSIGN_OR_RETURN(const audit::Leaves leaves, audit::load_leaves(options.folders()));
  ASSIGN_OR_RETURN(const std::string text, note(leaves));
  fmt::print("{}", text);
  return {};
}

Status export_proof(const ExportOptions& options) {
  ASSIGN_OR_RETURN(const audit::KeptRecord record,
                   audit::find_record(options.folders(), options.proof));
  ASSIGN_OR_RETURN(const audit::Leaves leaves, audit::load_leaves(options.folders()));
  ASSIGN_OR_RETURN(const std::string json, audit::inclusion_json(leaves, record));
  fmt::print("{}\n", json);
  return {};
}

Status export_consistency(const ExportOptions& options) {
  ASSIGN_OR_RETURN(const std::string old, read_small_file(options.consistency));
  ASSIGN_OR_RETURN(const audit::Leaves leaves, audit::load_leaves(options.folders()));
  ASSIGN_OR_RETURN(const std::string json, audit::consistency_json(leaves, old));
  fmt::print("{}\n", json);
  return {};
}

Status export_all(const ExportOptions& options) {
  return audit::for_each_record({.folders = options.folders()}, [](const audit::Record& record) {
    JsonWriter w(JsonWriter::kCompact);
    w.begin_object().field("record", record.number).field("time_us", record.time);
    w.field("hash", to_hex(record.hash)).field("body", record.body).end_object();
    fmt::print("{}\n", w.text());
    return true;
  });
}

}  // namespace

void add_audit_export(CLI::App& audit, Action& action) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = audit.add_subcommand(
      "export", "All records as JSON lines; or a checkpoint, or a proof about a record");
  add_place_options(*command, *options);
  auto* what = command->add_option_group("instead of the records");
  what->add_flag("--checkpoint", options->checkpoint,
                 "the newest signed checkpoint, to keep elsewhere");
  what->add_option("--proof", options->proof,
                   "that a record (a receipt or a number) is in the log: JSON, for 'audit verify "
                   "--proof'");
  what->add_option("--consistency", options->consistency,
                   "that the log continues a checkpoint kept in this file: JSON");
  what->require_option(0, 1);
  command->callback([options, &action] {
    action = [options] {
      const Status status = options->checkpoint             ? export_checkpoint(*options)
                            : !options->proof.empty()       ? export_proof(*options)
                            : !options->consistency.empty() ? export_consistency(*options)
                                                            : export_all(*options);
      return status ? 0 : report(status.error());
    };
  });
}

}  // namespace holdfast::cli
