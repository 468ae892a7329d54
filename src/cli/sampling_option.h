// The flags that choose how tokens are drawn, beyond temperature and the usual cuts.
#pragma once

#include "cli/command.h"
#include "engine/sampling_params.h"

namespace holdfast::cli {

// `sampling` must outlive `command`.
void add_sampling_options(CLI::App& command, SamplingParams& sampling);

}  // namespace holdfast::cli
