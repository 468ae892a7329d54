// What the subcommands of `holdfast audit` share.
#pragma once

#include <string>
#include <vector>

#include "cli/audit_option.h"
#include "cli/command.h"

namespace holdfast::cli {

struct LogPlace {
  std::string folder, keys;
  std::vector<std::string> cold;

  AuditPlace place() const { return audit_place(folder, keys); }
  std::vector<std::string> folders() const {
    std::vector<std::string> out{place().folder};
    out.insert(out.end(), cold.begin(), cold.end());
    return out;
  }
};

void add_place_options(CLI::App& command, LogPlace& place);

void add_audit_export(CLI::App& audit, Action& action);
void add_audit_replay(CLI::App& audit, Action& action);
void add_audit_storage(CLI::App& audit, Action& action);

}  // namespace holdfast::cli
