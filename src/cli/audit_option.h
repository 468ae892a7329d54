// --audit and its further options, for the commands that serve.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/auditor.h"

namespace CLI {
class App;
}

namespace holdfast::cli {

struct AuditFlags {
  std::string folder;  // empty: $HOLDFAST_HOME/audit; "off": nothing is recorded
  std::string keys;    // empty: $HOLDFAST_HOME/keys
  std::string payload = "hmac";
  std::vector<std::string> syslog;
  std::vector<std::string> open_routes;
  int sync_ms = 0;
  uint64_t segment_bytes = 64u << 20;
  int keep_days = 0;
  std::string cold;

  bool on() const { return folder != "off"; }
};

void add_audit_options(CLI::App& command, AuditFlags& flags);

// Where the log lies, and the keys that belong to it.
struct AuditPlace {
  std::string folder, keys;
  std::string signing_key() const { return keys + "/audit-signing.pem"; }
  std::string public_key() const { return signing_key() + ".pub"; }
  std::string payload_key() const { return keys + "/audit-payload.key"; }
  std::string head() const;  // the newest checkpoint, kept apart from the folder
};
AuditPlace audit_place(const std::string& folder, const std::string& keys);

// Null when it is off. Makes folder and keys when they are not there.
Result<std::shared_ptr<Auditor>> open_auditor(const AuditFlags& flags);

}  // namespace holdfast::cli
