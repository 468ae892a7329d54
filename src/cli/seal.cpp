// holdfast seal IN OUT, holdfast unseal IN OUT: files and whole directories.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/key_options.h"
#include "cli/progress.h"
#include "seal/sealed_file.h"

namespace holdfast::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string in, out;
  KeyOptions keys;
  int threads = 0;
  bool force = false, json = false;
};

using Convert = Status (*)(const std::string& in, const std::string& out,
                           const seal::KeyProviders& keys, const seal::SealOptions& options);

// Paths below a directory, relative to it, sorted. Links are followed to files, not to folders.
Result<std::vector<fs::path>> files_below(const std::string& directory) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::recursive_directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    if (it->is_regular_file(error)) out.push_back(fs::relative(it->path(), directory, error));
  }
  if (error) return fail(Code::kInternal, "cannot read the folder: " + error.message(), directory);
  std::sort(out.begin(), out.end());
  return out;
}

Status check_paths(const Options& options) {
  std::error_code error;
  if (fs::exists(options.out, error) && fs::equivalent(options.in, options.out, error))
    return fail(Code::kInvalidArgument, "IN and OUT are the same", options.out);
  return {};
}

Status convert(const Options& options, Convert one, const std::string& verb, uint64_t& files,
               uint64_t& bytes) {
  RETURN_IF_ERROR(check_paths(options));
  ASSIGN_OR_RETURN(const auto keys, open_keys(options.keys));
  seal::SealOptions settings;
  settings.existing =
      options.force ? OutputFile::Existing::kReplace : OutputFile::Existing::kRefuse;
  settings.threads = options.threads;
  ProgressLine line(verb);
  settings.progress = [&](double share) { line.show(share); };
  std::error_code error;
  if (!fs::is_directory(options.in, error)) {
    RETURN_IF_ERROR(one(options.in, options.out, keys, settings));
    files = 1;
    bytes = fs::file_size(options.out, error);
    return {};
  }
  ASSIGN_OR_RETURN(const auto below, files_below(options.in));
  for (const fs::path& file : below) {
    const fs::path to = fs::path(options.out) / file;
    fs::create_directories(to.parent_path(), error);
    if (error)
      return fail(Code::kPermissionDenied, "cannot make the folder: " + error.message(),
                  to.parent_path().string());
    settings.progress = [&](double share) { line.show(share, file.string()); };
    RETURN_IF_ERROR(one((fs::path(options.in) / file).string(), to.string(), keys, settings));
    ++files;
    bytes += fs::file_size(to, error);
  }
  return {};
}

int run(const Options& options, Convert one, const std::string& verb) {
  uint64_t files = 0, bytes = 0;
  const Status done = convert(options, one, verb, files, bytes);
  if (!done) return report(done.error());
  if (options.json) {
    fmt::print("{}\n", boost::json::serialize(boost::json::object{
                           {"out", options.out}, {"files", files}, {"bytes", bytes}}));
  }
  return 0;
}

void add(CLI::App& app, Action& action, const char* name, const char* description, Convert one,
         const char* verb) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(name, description);
  command->add_option("IN", options->in, "A file, or a directory with all files in it")->required();
  command->add_option("OUT", options->out, "The file or directory to write")->required();
  add_key_options(*command, options->keys);
  command->add_option("--threads", options->threads, "0: one for each CPU")
      ->check(CLI::Range(0, 1024));
  command->add_flag("--force", options->force, "Replace what exists");
  command->add_flag("--json", options->json, "One JSON document on stdout");
  command->callback([options, &action, one, verb] {
    action = [options, one, verb] { return run(*options, one, verb); };
  });
}

}  // namespace

void register_seal(CLI::App& app, Action& action) {
  add(app, action, "seal", "Encrypt a file, so that only the holder of a key can use it",
      seal::seal_file, "sealing");
}

void register_unseal(CLI::App& app, Action& action) {
  add(app, action, "unseal", "Decrypt a sealed file", seal::unseal_file, "unsealing");
}

}  // namespace holdfast::cli
