// --sandbox: what `serve` gives up once it has what it needs.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/sandbox.h"

namespace CLI {
class App;
}

namespace holdfast::cli {

// Sanitizers look into their own process in ways that the fences forbid.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr char kSandboxDefault[] = "off";
#else
inline constexpr char kSandboxDefault[] = "on";
#endif

struct SandboxFlags {
  std::string mode = kSandboxDefault;
  SandboxPaths extra;

  bool on() const { return mode == "on"; }
};

void add_sandbox_options(CLI::App& command, SandboxFlags& flags);

// The files of a model, for `read`: the file, all parts of a split one, a directory with what its
// links point to.
void allow_model(const std::string& path, SandboxPaths& paths);
// The folder of a file that may be replaced while the server runs; nothing for an empty name.
void allow_folder_of(const std::string& file, std::vector<std::string>& paths);

// Before any thread is started; then, when the server listens.
Status begin_sandbox(const SandboxFlags& flags, SandboxPaths paths);
Status finish_sandbox(const SandboxFlags& flags, const CallFence& calls);

}  // namespace holdfast::cli
