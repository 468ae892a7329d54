#include "cli/speculate_option.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/model_option.h"

namespace holdfast::cli {

void add_speculate_options(CLI::App& command, SpeculateOption& option) {
  command.add_option("--speculate", option.source,
                     "guess tokens ahead; answers stay the same: 'lookup' from the text so far, or "
                     "a small model of the same vocabulary");
  command.add_option("--speculate-tokens", option.tokens, "guesses at once")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
}

Status set_speculation(const SpeculateOption& option, ServedModelOptions& served) {
  if (option.source.empty()) return {};
  served.engine.speculation_tokens = option.tokens;
  if (option.source == "lookup") {
    served.engine.speculation = Speculation::kLookup;
    return {};
  }
  served.engine.speculation = Speculation::kModel;
  ASSIGN_OR_RETURN(served.draft_path, resolve_model(option.source));
  return {};
}

std::string speculation_summary(uint64_t drafted, uint64_t accepted) {
  return fmt::format("{} of {} guessed tokens came true", accepted, drafted);
}

}  // namespace holdfast::cli
