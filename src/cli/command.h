// One file for each subcommand; main only dispatches.
#pragma once

#include <functional>

#include "base/error.h"

namespace CLI {
class App;
}

namespace holdfast::cli {

// What a chosen subcommand does; returns the exit status (0 ok, 1 failed, 2 wrong use).
using Action = std::function<int()>;

// Each adds its subcommand to `app`; when the user chose it, `action` is set during parsing.
void register_access(CLI::App& app, Action& action);
void register_audit(CLI::App& app, Action& action);
void register_bench(CLI::App& app, Action& action);
void register_convert(CLI::App& app, Action& action);
void register_doctor(CLI::App& app, Action& action);
void register_embed(CLI::App& app, Action& action);
void register_eval(CLI::App& app, Action& action);
void register_generate(CLI::App& app, Action& action);
void register_inspect(CLI::App& app, Action& action);
void register_keys(CLI::App& app, Action& action);
void register_manifest(CLI::App& app, Action& action);
void register_openapi(CLI::App& app, Action& action);
void register_run(CLI::App& app, Action& action);
void register_seal(CLI::App& app, Action& action);
void register_serve(CLI::App& app, Action& action);
void register_template(CLI::App& app, Action& action);
void register_tokenize(CLI::App& app, Action& action);
void register_unseal(CLI::App& app, Action& action);

// Prints the error to stderr and returns the exit status of its code.
int report(const Error& error);

}  // namespace holdfast::cli
