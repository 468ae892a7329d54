// holdfast openapi: the HTTP API, described.
#include "server/openapi.h"

#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace holdfast::cli {

void register_openapi(CLI::App& app, Action& action) {
  auto rows = std::make_shared<bool>(false);
  auto* command =
      app.add_subcommand("openapi", "Print the server's API as an OpenAPI 3.1 document");
  command->add_flag("--rows", *rows, "the routes as rows of a Markdown table instead");
  command->callback([rows, &action] {
    action = [rows] {
      const std::string text = *rows ? openapi_rows() : openapi_document() + "\n";
      std::fputs(text.c_str(), stdout);
      return 0;
    };
  });
}

}  // namespace holdfast::cli
