// holdfast doctor: is this machine as it should be?
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/state_file.h"
#include "cli/command.h"
#include "files/json_writer.h"
#include "sandbox/egress.h"

namespace holdfast::cli {

namespace {

struct DoctorOptions {
  bool egress = false, json = false;
};

Result<bool> egress(const DoctorOptions& options) {
  SandboxPaths paths;
  paths.write.push_back(home_directory());
  ASSIGN_OR_RETURN(const auto attempts, try_egress(paths, {}));
  bool all = true;
  JsonWriter w(JsonWriter::kCompact);
  w.begin_object().key("attempts").begin_array();
  for (const EgressAttempt& attempt : attempts) {
    all = all && attempt.refused;
    w.begin_object()
        .field("name", attempt.name)
        .field("refused", attempt.refused)
        .field("outcome", attempt.outcome)
        .end_object();
    if (options.json) continue;
    fmt::print("{:<9} {:<40} {}\n", attempt.refused ? "refused" : "POSSIBLE", attempt.name,
               attempt.outcome);
  }
  w.end_array().field("closed", all).end_object();
  if (options.json) {
    fmt::print("{}\n", w.text());
  } else {
    fmt::print("{}\n", all ? "a server of this machine lets nothing out"
                           : "a server of this machine is not closed: see above");
  }
  return all;
}

}  // namespace

void register_doctor(CLI::App& app, Action& action) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command = app.add_subcommand("doctor", "Check that this machine is as it should be");
  command
      ->add_flag("--egress", options->egress,
                 "try to get out of a server's sandbox, in every way we know")
      ->required();
  command->add_flag("--json", options->json, "one JSON document");
  command->callback([options, &action] {
    action = [options] {
      const auto closed = egress(*options);
      if (!closed) return report(closed.error());
      return *closed ? 0 : 1;
    };
  });
}

}  // namespace holdfast::cli
