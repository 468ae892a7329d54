// --speculate lookup|MODEL and --speculate-tokens N, the same for every command that generates.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "engine/served_model.h"

namespace CLI {
class App;
}

namespace holdfast::cli {

struct SpeculateOption {
  std::string source;  // empty: none; "lookup"; else a model
  int32_t tokens = 8;
};

void add_speculate_options(CLI::App& command, SpeculateOption& option);
// Sets engine.speculation and, for a model, draft_path. not_found for a model that is not there.
Status set_speculation(const SpeculateOption& option, ServedModelOptions& served);

// "37 of 52 guessed tokens came true"
std::string speculation_summary(uint64_t drafted, uint64_t accepted);

}  // namespace holdfast::cli
