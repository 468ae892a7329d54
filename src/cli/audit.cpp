// holdfast audit: what was done, and the proof that nobody changed the record of it.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "audit/clock.h"
#include "audit/proof.h"
#include "audit/query.h"
#include "audit/verify.h"
#include "base/state_file.h"
#include "cli/audit_command.h"
#include "cli/command.h"
#include "files/json_writer.h"

namespace holdfast::cli {

namespace {

using audit::Record;

// {"record":…,"time":…,"hash":…,"body":{…}}; one line.
std::string record_json(const Record& record) {
  JsonWriter w(JsonWriter::kCompact);
  w.begin_object().field("record", record.number);
  w.field("time", audit::format_time(record.time)).field("hash", to_hex(record.hash));
  w.key("body").raw(record.body).end_object();
  return w.take();
}

std::string_view text_of(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view();
}

// One line for people.
std::string record_line(const Record& record) {
  boost::system::error_code ec;
  const auto value = boost::json::parse({record.body.data(), record.body.size()}, ec);
  std::string out =
      fmt::format("{:>8}  {}  ", record.number, audit::format_time(record.time).substr(0, 19));
  if (ec || !value.is_object()) return out + std::string(record.body.substr(0, 100));
  const auto& body = value.get_object();
  out += fmt::format("{:<18}", text_of(body, "event"));
  if (const auto receipt = text_of(body, "receipt"); !receipt.empty()) {
    out += fmt::format(" {}", receipt);
  }
  if (const auto* who = body.if_contains("who"); who != nullptr && who->is_object()) {
    out += fmt::format(" {}", text_of(who->get_object(), "id"));
  }
  if (const auto* model = body.if_contains("model"); model != nullptr && model->is_object()) {
    out += fmt::format(" {}", text_of(model->get_object(), "id"));
  }
  if (const auto outcome = text_of(body, "outcome"); !outcome.empty()) {
    out += fmt::format(" {}", outcome);
  }
  return out;
}

struct ListOptions : LogPlace {
  std::string what;  // a receipt, a record's number, or words
  std::string since, until;
  uint64_t last = 0;
  bool json = false;
};

// "2026-01-31" or "2026-01-31T12:34:56" (UTC), or seconds since 1970.
Result<uint64_t> parse_time(const std::string& text, const std::string& where) {
  std::tm utc{};
  const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
  if (end == nullptr) {
    utc = {};
    end = strptime(text.c_str(), "%Y-%m-%d", &utc);
  }
  if (end != nullptr && (*end == '\0' || (*end == 'Z' && end[1] == '\0'))) {
    return static_cast<uint64_t>(timegm(&utc)) * 1'000'000;
  }
  return fail(Code::kInvalidArgument, fmt::format("'{}' is no time", text), where,
              "write 2026-01-31 or 2026-01-31T12:34:56, UTC");
}

Status list(const ListOptions& options, const std::string& contains) {
  audit::Query query;
  query.folders = options.folders();
  query.contains = contains;
  if (!options.since.empty()) {
    ASSIGN_OR_RETURN(query.since, parse_time(options.since, "--since"));
  }
  if (!options.until.empty()) {
    ASSIGN_OR_RETURN(query.until, parse_time(options.until, "--until"));
  }
  std::vector<std::string> lines;
  const auto show = [&](const Record& record) {
    return options.json ? record_json(record) : record_line(record);
  };
  RETURN_IF_ERROR(audit::for_each_record(query, [&](const Record& record) {
    if (options.last == 0) {
      fmt::print("{}\n", show(record));
    } else {
      if (lines.size() >= 2 * options.last) {
        lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(options.last));
      }
      lines.push_back(show(record));
    }
    return true;
  }));
  const size_t skip = lines.size() > options.last ? lines.size() - options.last : 0;
  for (size_t i = skip; i < lines.size(); ++i) fmt::print("{}\n", lines[i]);
  return {};
}

// Everything about one request, or one record.
Status show(const ListOptions& options) {
  if (options.what.empty()) return list(options, {});
  std::string contains = options.what;
  std::optional<uint64_t> number;
  if (options.what.find_first_not_of("0123456789") == std::string::npos) {
    number = std::stoull(options.what.substr(0, 19));
    contains.clear();
  } else {
    contains = "\"receipt\":\"" + contains + "\"";
  }
  bool any = false;
  RETURN_IF_ERROR(audit::for_each_record(
      {.folders = options.folders(), .contains = contains}, [&](const Record& record) {
        if (number && record.number != *number) return record.number < *number;
        any = true;
        if (options.json) {
          fmt::print("{}\n", record_json(record));
          return true;
        }
        boost::system::error_code ec;
        const auto body = boost::json::parse({record.body.data(), record.body.size()}, ec);
        fmt::print("record {}  {}\nhash {}\n", record.number, audit::format_time(record.time),
                   to_hex(record.hash));
        if (ec || !body.is_object()) {
          fmt::print("{}\n", record.body);
          return true;
        }
        for (const auto& [key, value] : body.get_object()) {
          fmt::print("  {}: {}\n", std::string_view(key), boost::json::serialize(value));
        }
        return true;
      }));
  if (any) return {};
  return fail(Code::kNotFound, "no such record", options.what,
              "name a receipt (hfr_…) or a record's number");
}

struct VerifyFlags : LogPlace {
  std::vector<std::string> public_keys;
  std::string checkpoint, proof;
  int threads = 0;
  bool json = false;
};

std::string key_text(const audit::PublicKey& key) { return to_hex(key); }

void print_report(const audit::VerifyReport& report, bool json) {
  if (json) {
    JsonWriter w(JsonWriter::kCompact);
    w.begin_object().field("ok", report.ok());
    w.field("first", report.first).field("end", report.end).field("segments", report.segments);
    w.field("checkpoints", report.checkpoints).field("bytes", report.bytes);
    if (report.log_id) w.field("log", to_hex(*report.log_id));
    if (report.last) {
      w.field("root", to_hex(report.last->root));
      w.field("signed_at", audit::format_time(report.last->time));
    }
    w.field("key_trusted", report.key_trusted).key("keys").begin_array();
    for (const auto& key : report.keys) w.value(key_text(key));
    w.end_array();
    if (!report.ok()) w.field("first_bad_record", report.bad.front().record);
    w.key("bad").begin_array();
    for (const auto& bad : report.bad) {
      w.begin_object()
          .field("record", bad.record)
          .field("where", bad.where)
          .field("what", bad.what)
          .end_object();
    }
    w.end_array().end_object();
    fmt::print("{}\n", w.text());
    return;
  }
  for (const auto& bad : report.bad) {
    fmt::print("BAD from record {}: {} ({})\n", bad.record, bad.what, bad.where);
  }
  fmt::print("{}: records {} to {} in {} segments, {} checkpoints\n", report.ok() ? "ok" : "NOT OK",
             report.first, report.end, report.segments, report.checkpoints);
  if (report.last) {
    fmt::print("last signed {}, root {}\n", audit::format_time(report.last->time),
               to_hex(report.last->root));
  }
  if (!report.key_trusted) {
    fmt::print(stderr,
               "holdfast: no public key was given or found: this shows that the log is consistent, "
               "not who wrote it (--public-key)\n");
  }
}

Result<bool> check_proof_file(const std::string& path,
                              const std::vector<audit::PublicKey>& trusted) {
  ASSIGN_OR_RETURN(const std::string text, read_small_file(path, 256u << 20));
  ASSIGN_OR_RETURN(const audit::Proven proven, audit::check_proof(text, trusted));
  fmt::print("ok: {}\n", proven.statement);
  if (!proven.body.empty()) fmt::print("{}\n", proven.body);
  return true;
}

Result<bool> verify(const VerifyFlags& flags) {
  audit::VerifyOptions options;
  options.folders = flags.folders();
  options.threads = flags.threads;
  for (const std::string& path : flags.public_keys) {
    ASSIGN_OR_RETURN(const audit::PublicKey key, audit::read_public_key(path));
    options.trusted.push_back(key);
  }
  // On the machine that wrote it, the key and the newest checkpoint are at hand.
  const AuditPlace place = flags.place();
  if (flags.public_keys.empty()) {
    if (const auto key = audit::read_public_key(place.public_key())) {
      options.trusted.push_back(*key);
    }
  }
  if (!flags.proof.empty()) return check_proof_file(flags.proof, options.trusted);
  const std::string checkpoint = flags.checkpoint.empty() ? place.head() : flags.checkpoint;
  if (auto text = read_small_file(checkpoint)) {
    text->erase(text->find_last_not_of('\n') + 1);
    ASSIGN_OR_RETURN(options.expect, audit::parse_checkpoint_note(*text + "\n"));
  } else if (!flags.checkpoint.empty()) {
    return fail(text.error());
  }
  ASSIGN_OR_RETURN(const audit::VerifyReport report, audit::verify_log(options));
  print_report(report, flags.json);
  return report.ok();
}

void add_list_options(CLI::App& command, ListOptions& options) {
  add_place_options(command, options);
  command.add_option("--since", options.since, "from this time on (UTC)");
  command.add_option("--until", options.until, "up to this time (UTC)");
  command.add_option("--last", options.last, "only so many, the newest");
  command.add_flag("--json", options.json, "each record as one JSON document on a line");
}

}  // namespace

void add_place_options(CLI::App& command, LogPlace& place) {
  command.add_option("--audit", place.folder, "the log's folder; $HOLDFAST_HOME/audit by default");
  command.add_option("--audit-keys", place.keys,
                     "its keys' folder; $HOLDFAST_HOME/keys by default");
  command.add_option("--audit-cold", place.cold, "where closed files of the log were moved");
}

void register_audit(CLI::App& app, Action& action) {
  CLI::App* audit = app.add_subcommand("audit", "Read, search, verify and replay the audit log");
  audit->require_subcommand(1);

  auto shown = std::make_shared<ListOptions>();
  CLI::App* show_command = audit->add_subcommand("show", "Records, or everything of one request");
  show_command->add_option("WHAT", shown->what, "a receipt or a record's number; without it: all");
  add_list_options(*show_command, *shown);
  show_command->callback([shown, &action] {
    action = [shown] {
      const Status status = show(*shown);
      return status ? 0 : report(status.error());
    };
  });

  auto searched = std::make_shared<ListOptions>();
  CLI::App* search = audit->add_subcommand("search", "Records that hold a text");
  search->add_option("TEXT", searched->what, "any part of a record: a name, a digest, an event")
      ->required();
  add_list_options(*search, *searched);
  search->callback([searched, &action] {
    action = [searched] {
      const Status status = list(*searched, searched->what);
      return status ? 0 : report(status.error());
    };
  });

  auto verified = std::make_shared<VerifyFlags>();
  CLI::App* verify_command =
      audit->add_subcommand("verify", "Check every hash and signature, offline, on any copy");
  add_place_options(*verify_command, *verified);
  verify_command->add_option("--public-key", verified->public_keys,
                             "who may have signed it (PEM); the key of this machine's server "
                             "by default");
  verify_command->add_option("--checkpoint", verified->checkpoint,
                             "a checkpoint kept elsewhere, which the log must still contain");
  verify_command->add_option("--proof", verified->proof,
                             "check a proof of 'audit export' instead of a log");
  verify_command->add_option("--threads", verified->threads, "0: one a core")
      ->check(CLI::Range(0, 1024));
  verify_command->add_flag("--json", verified->json, "the report as one JSON document");
  verify_command->callback([verified, &action] {
    action = [verified] {
      const auto good = verify(*verified);
      if (!good) return report(good.error());
      return *good ? 0 : 1;
    };
  });

  add_audit_export(*audit, action);
  add_audit_replay(*audit, action);
  add_audit_storage(*audit, action);
}

}  // namespace holdfast::cli
