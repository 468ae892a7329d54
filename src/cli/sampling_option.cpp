#include "cli/sampling_option.h"

#include <CLI/CLI.hpp>

namespace holdfast::cli {

void add_sampling_options(CLI::App& command, SamplingParams& sampling) {
  const char* group = "Sampling";
  const auto add = [&](const char* flag, auto& value, const char* text) {
    return command.add_option(flag, value, text)->group(group)->capture_default_str();
  };
  add("--presence-penalty", sampling.presence_penalty, "subtracted for what was said already");
  add("--frequency-penalty", sampling.frequency_penalty, "subtracted each time it was said");
  add("--repetition-penalty", sampling.repetition_penalty, "divides; 1: off");
  add("--typical-p", sampling.typical_p, "locally typical sampling; 1: off");
  add("--top-n-sigma", sampling.top_n_sigma, "standard deviations below the best; 0: off");
  add("--xtc-probability", sampling.xtc_probability, "how often top choices are excluded; 0: off");
  add("--xtc-threshold", sampling.xtc_threshold, "the probability that makes a top choice");
  add("--dry-multiplier", sampling.dry.multiplier, "penalty on prolonged repetitions; 0: off");
  add("--dry-base", sampling.dry.base, "its growth with each token");
  add("--dry-allowed-length", sampling.dry.allowed_length, "tokens that may repeat");
  add("--dry-penalty-last-n", sampling.dry.last_n, "tokens that are looked at; -1: all");
  command
      .add_option("--dry-sequence-breaker", sampling.dry.sequence_breakers,
                  "no repetition reaches over it; may be given several times (default: line break "
                  ": \" *)")
      ->group(group);
  add("--mirostat", sampling.mirostat, "1 or 2: its version; 0: off");
  add("--mirostat-tau", sampling.mirostat_tau, "the surprise it aims at, in bits");
  add("--mirostat-eta", sampling.mirostat_eta, "how fast it learns");
  command
      .add_option("--ban", sampling.banned_strings,
                  "a string that must not appear; may be given several times")
      ->group(group);
}

}  // namespace holdfast::cli
