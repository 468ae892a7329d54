#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>

#include "base/log_format.h"
#include "cli/command.h"

namespace holdfast::cli {

int report(const Error& error) {
  std::fprintf(stderr, "holdfast: error: %s", error.message.c_str());
  if (!error.where.empty()) std::fprintf(stderr, " (%s)", error.where.c_str());
  std::fprintf(stderr, "\n");
  if (!error.hint.empty()) std::fprintf(stderr, "  %s\n", error.hint.c_str());
  return code_info(error.code).exit_status;
}

}  // namespace holdfast::cli

int main(int argc, char** argv) {
  using namespace holdfast::cli;
  CLI::App app{"Holdfast runs DeepSeek-R1-family models on your own machines.", "holdfast"};
  app.set_version_flag("--version", std::string("holdfast ") + HOLDFAST_VERSION);
  std::string log_level = "info";
  app.add_option("--log-level", log_level, "debug, info, warn or error; logs go to stderr")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  std::string log_format = "text";
  app.add_option("--log-format", log_format, "text, or json: one object a line")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app.require_subcommand(1);

  Action action;
  for (auto add : std::initializer_list<void (*)(CLI::App&, Action&)>{
           // one line for each subcommand, in the order --help shows them
           register_run,
           register_serve,
           register_openapi,
           register_audit,
           register_generate,
           register_embed,
           register_inspect,
           register_convert,
           register_tokenize,
           register_template,
           register_access,
           register_doctor,
           register_bench,
           register_eval,
           register_manifest,
           register_seal,
           register_unseal,
           register_keys,
       }) {
    add(app, action);
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    return status == 0 ? 0 : 2;  // --help and --version are no mistake
  }
  holdfast::init_log(log_level);
  holdfast::set_log_format(log_format == "json" ? holdfast::LogFormat::kJson
                                                : holdfast::LogFormat::kText);
  return action();
}
