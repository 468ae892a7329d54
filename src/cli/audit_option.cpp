#include "cli/audit_option.h"

#include <filesystem>

#include <CLI/CLI.hpp>

#include "audit/sink.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/state_file.h"

namespace holdfast::cli {

void add_audit_options(CLI::App& command, AuditFlags& flags) {
  command.add_option("--audit", flags.folder,
                     "folder of the audit log, or 'off'; $HOLDFAST_HOME/audit by default");
  command.add_option("--audit-keys", flags.keys,
                     "folder of the audit log's keys; $HOLDFAST_HOME/keys by default");
  command
      .add_option("--audit-payload", flags.payload,
                  "what is kept of prompts and answers: keyed digests only, the texts encrypted, "
                  "or the texts as they are")
      ->check(CLI::IsMember({"hmac", "encrypted", "plain"}))
      ->capture_default_str();
  command.add_option("--audit-syslog", flags.syslog,
                     "records go to this Unix socket too (/dev/log), and must");
  command.add_option("--audit-open", flags.open_routes,
                     "a route that answers even when no record can be written");
  command
      .add_option("--audit-sync", flags.sync_ms,
                  "records may wait so many milliseconds for the disk; 0: each is on the disk "
                  "before its answer ends")
      ->check(CLI::Range(0, 10'000))
      ->capture_default_str();
  command
      .add_option("--audit-segment", flags.segment_bytes,
                  "a file of the log is closed and compressed at this size; 64MB by default")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(uint64_t{4096}, uint64_t{1} << 30));
  command.add_option("--audit-cold", flags.cold, "closed files of the log move to this folder");
  command
      .add_option("--audit-keep", flags.keep_days,
                  "closed files are removed after so many days; 0: never")
      ->check(CLI::Range(0, 100'000))
      ->capture_default_str();
}

std::string AuditPlace::head() const {
  std::error_code ec;
  const std::string whole = std::filesystem::weakly_canonical(folder, ec).string();
  return keys + "/audit-head-" + to_hex(sha256(whole)).substr(0, 16);
}

AuditPlace audit_place(const std::string& folder, const std::string& keys) {
  const std::string home = home_directory();
  return {folder.empty() ? home + "/audit" : folder, keys.empty() ? home + "/keys" : keys};
}

Result<std::shared_ptr<Auditor>> open_auditor(const AuditFlags& flags) {
  if (!flags.on()) {
    spdlog::warn("audit: off, nothing will be on record");
    return nullptr;
  }
  const AuditPlace place = audit_place(flags.folder, flags.keys);
  RETURN_IF_ERROR(make_private_folder(place.folder));
  RETURN_IF_ERROR(make_private_folder(place.keys));
  ASSIGN_OR_RETURN(auto signer, audit::open_or_create_key_file(place.signing_key()));
  ASSIGN_OR_RETURN(auto keys, audit::PayloadKeys::open_or_create(place.payload_key()));
  std::vector<std::unique_ptr<audit::Sink>> sinks;
  for (const std::string& path : flags.syslog) {
    ASSIGN_OR_RETURN(auto sink, audit::open_syslog(path));
    sinks.push_back(std::move(sink));
  }
  audit::AuditOptions options;
  options.files.folder = place.folder;
  options.files.head_file = place.head();
  options.files.segment_bytes = flags.segment_bytes;
  options.sync_interval = std::chrono::milliseconds(flags.sync_ms);
  options.maintenance.cold_folder = flags.cold;
  options.maintenance.keep = std::chrono::hours(24 * flags.keep_days);
  ASSIGN_OR_RETURN(auto log, audit::AuditLog::open(options, std::move(signer), std::move(sinks)));
  spdlog::info("audit: {} records in {}", log->size(), place.folder);
  AuditorOptions auditor;
  auditor.payload = flags.payload == "plain"       ? audit::PayloadPolicy::kPlain
                    : flags.payload == "encrypted" ? audit::PayloadPolicy::kEncrypted
                                                   : audit::PayloadPolicy::kHmac;
  auditor.open_routes = flags.open_routes;
  return std::make_shared<Auditor>(std::move(log), keys, std::move(auditor));
}

}  // namespace holdfast::cli
