#include "cli/sandbox_option.h"

#include <filesystem>

#include <CLI/CLI.hpp>

#include "base/log.h"

namespace holdfast::cli {

namespace fs = std::filesystem;

void add_sandbox_options(CLI::App& command, SandboxFlags& flags) {
  command
      .add_option("--sandbox", flags.mode,
                  "on: no connection outward, no other program, no files but the model's and the "
                  "state's")
      ->check(CLI::IsMember({"on", "off"}))
      ->capture_default_str();
  command.add_option("--sandbox-read", flags.extra.read, "further files or folders to read");
  command.add_option("--sandbox-write", flags.extra.write, "further folders to write in");
}

void allow_folder_of(const std::string& file, std::vector<std::string>& paths) {
  if (file.empty()) return;
  const fs::path folder = fs::path(file).parent_path();
  paths.push_back(folder.empty() ? "." : folder.string());
  std::error_code ec;
  const fs::path target = fs::canonical(file, ec);
  if (!ec) paths.push_back(target.parent_path().string());
}

void allow_model(const std::string& path, SandboxPaths& paths) {
  paths.read.push_back(path);
  std::error_code ec;
  if (fs::is_directory(path, ec)) {
    for (const auto& entry : fs::directory_iterator(path, ec)) {
      if (entry.is_symlink(ec)) paths.read.push_back(entry.path().string());
    }
  } else if (fs::path(path).filename().string().find("-of-") != std::string::npos) {
    allow_folder_of(path, paths.read);
  }
}

Status begin_sandbox(const SandboxFlags& flags, SandboxPaths paths) {
  if (!flags.on()) {
    spdlog::warn("sandbox: off, this process can reach files and the network like any other");
    return {};
  }
  harden_process();
  paths.read.insert(paths.read.end(), flags.extra.read.begin(), flags.extra.read.end());
  paths.write.insert(paths.write.end(), flags.extra.write.begin(), flags.extra.write.end());
  ASSIGN_OR_RETURN(const FileFence fence, fence_files(paths));
  if (!fence.shortcomings.empty()) spdlog::warn("sandbox: {}", fence.shortcomings);
  return {};
}

Status finish_sandbox(const SandboxFlags& flags, const CallFence& calls) {
  if (!flags.on()) return {};
  RETURN_IF_ERROR(fence_calls(calls));
  spdlog::info("sandbox: no connection outward, no other program, no files but its own");
  return {};
}

}  // namespace holdfast::cli
