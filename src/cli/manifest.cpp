// holdfast manifest create|verify: what a model's bytes are, signed.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "base/output_file.h"
#include "base/thread_pool.h"
#include "cli/command.h"
#include "cli/model_manifest.h"
#include "cli/model_opener.h"
#include "cli/model_option.h"
#include "cli/progress.h"
#include "seal/signer.h"

namespace holdfast::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string model, sign, out;
  OpenOptions open;
  int threads = 0;
  bool force = false, json = false;

  int thread_count() const { return threads > 0 ? threads : ThreadPool::available_cpus(); }
};

struct Listed {
  std::string name, path;
};

// The model's files, without `manifest` itself.
Result<std::vector<Listed>> files_of(const std::string& model, const std::string& manifest) {
  std::error_code error;
  if (!fs::is_directory(model, error)) return std::vector<Listed>{{".", model}};
  std::vector<Listed> out;
  for (fs::recursive_directory_iterator it(model, error), end; !error && it != end;
       it.increment(error)) {
    if (!it->is_regular_file(error) || fs::equivalent(it->path(), manifest, error)) continue;
    const std::string name = it->path().lexically_relative(model).generic_string();
    if (name.find(':') != std::string::npos)
      return fail(Code::kInvalidArgument, "manifests cannot name files with a colon", name);
    out.push_back({name, it->path().string()});
  }
  std::sort(out.begin(), out.end(),
            [](const Listed& a, const Listed& b) { return a.name < b.name; });
  return out;
}

Result<Manifest> create(const Options& options, const std::string& model, const std::string& out) {
  Manifest manifest;
  manifest.model = fs::path(model + "/").parent_path().filename().string();
  std::error_code ignored;
  const std::string inside = fs::path(out).lexically_relative(model).generic_string();
  if (fs::is_directory(model, ignored) && !inside.empty() && !inside.starts_with(".."))
    manifest.own_name = inside;
  ASSIGN_OR_RETURN(const ChunkOpener opener, make_chunk_opener(options.open.keys));
  ASSIGN_OR_RETURN(const auto files, files_of(model, out));
  ProgressLine line("reading");
  for (const Listed& file : files) {
    line.show(static_cast<double>(&file - files.data()) / static_cast<double>(files.size()),
              file.name);
    ASSIGN_OR_RETURN(const auto reader, opener(file.path));
    if (reader->size() == 0) continue;
    ASSIGN_OR_RETURN(auto digests, digest_chunks(file.name, *reader, options.thread_count()));
    manifest.files.push_back(std::move(digests));
  }
  if (manifest.files.empty())
    return fail(Code::kInvalidArgument, "there is nothing to sign", model);
  return manifest;
}

Status run_create(const Options& options) {
  ASSIGN_OR_RETURN(const auto signer, seal::Signer::read(options.sign));
  ASSIGN_OR_RETURN(const std::string model, resolve_model(options.model));
  const std::string out = options.out.empty() ? manifest_path(model) : options.out;
  ASSIGN_OR_RETURN(const Manifest manifest, create(options, model, out));
  SignedManifest bundle{write_statement(manifest), "", signer.public_key().hint()};
  ASSIGN_OR_RETURN(bundle.signature, signer.sign(bundle.message()));
  ASSIGN_OR_RETURN(auto file,
                   OutputFile::create(out, options.force ? OutputFile::Existing::kReplace
                                                         : OutputFile::Existing::kRefuse));
  RETURN_IF_ERROR(file.write(write_bundle(bundle)));
  RETURN_IF_ERROR(file.finish());
  if (options.json) {
    fmt::print("{}\n",
               boost::json::serialize(boost::json::object{{"manifest", out},
                                                          {"files", manifest.files.size()},
                                                          {"sha256", to_hex(manifest.root())}}));
  }
  return {};
}

Status verify(const Options& options, std::shared_ptr<const ModelManifest>& found) {
  ASSIGN_OR_RETURN(const std::string model, resolve_model(options.model));
  ASSIGN_OR_RETURN(found, find_manifest(model, options.open.manifest, options.open.verify));
  if (!found) {
    return fail(Code::kNotFound, "there is no manifest", manifest_path(model),
                "Make one with holdfast manifest create, or name it with --manifest");
  }
  ASSIGN_OR_RETURN(const ChunkOpener opener, make_chunk_opener(options.open.keys));
  // Of a file in a signed directory, that file; else everything the manifest names, and nothing
  // else.
  std::error_code error;
  const bool whole = found->directory.empty() || fs::is_directory(model, error);
  ASSIGN_OR_RETURN(auto files, files_of(model, found->path));
  std::vector<const ManifestFile*> seen;
  ProgressLine line("verifying");
  for (const Listed& file : files) {
    line.show(static_cast<double>(&file - files.data()) / static_cast<double>(files.size()),
              file.name);
    ASSIGN_OR_RETURN(auto reader, opener(file.path));
    if (reader->size() == 0) continue;
    ASSIGN_OR_RETURN(const ManifestFile* expected, found->expected(file.path));
    ASSIGN_OR_RETURN(const auto checked, verified_chunks(std::move(reader), *expected));
    // Whatever differs fails while it is read.
    ASSIGN_OR_RETURN(const auto digests,
                     digest_chunks(file.name, *checked, options.thread_count()));
    seen.push_back(expected);
  }
  for (const ManifestFile& file : found->manifest.files) {
    if (whole && std::find(seen.begin(), seen.end(), &file) == seen.end())
      return fail(Code::kCorrupt, "a file of the manifest is missing", file.name,
                  "Fetch all files of the model");
  }
  return {};
}

int run_verify(const Options& options) {
  std::shared_ptr<const ModelManifest> found;
  const Status done = verify(options, found);
  if (!done) return report(done.error());
  if (options.json) {
    fmt::print("{}\n", boost::json::serialize(
                           boost::json::object{{"manifest", found->path},
                                               {"files", found->manifest.files.size()},
                                               {"sha256", to_hex(found->manifest.root())},
                                               {"signature_checked", found->signature_checked}}));
  } else {
    fmt::print("{} files are as the manifest says; {}\n", found->manifest.files.size(),
               found->signature_checked ? "its signature is genuine"
                                        : "its signature was NOT checked: give --verify KEY.pub");
  }
  return 0;
}

void add_common(CLI::App& command, Options& options) {
  command.add_option("MODEL", options.model, "a model's file or directory, or a name in the store")
      ->required();
  command.add_option("--threads", options.threads, "0: one for each CPU")
      ->check(CLI::Range(0, 1024));
  command.add_flag("--json", options.json, "one JSON document on stdout");
}

}  // namespace

void register_manifest(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("manifest", "Sign what a model's bytes are, and check it");
  command->require_subcommand(1);
  auto making = std::make_shared<Options>();
  CLI::App* create = command->add_subcommand("create", "Write a signed manifest");
  add_common(*create, *making);
  create->add_option("--sign", making->sign, "the private key, PEM (holdfast keys generate --sign)")
      ->required();
  create->add_option("--out", making->out, "instead of MODEL.sig, or model.sig in a directory");
  create->add_flag("--force", making->force, "replace a manifest that exists");
  add_key_options(*create, making->open.keys);
  create->callback([making, &action] {
    action = [making] {
      const Status done = run_create(*making);
      return done ? 0 : report(done.error());
    };
  });
  auto checking = std::make_shared<Options>();
  CLI::App* check = command->add_subcommand("verify", "Compare a model with its manifest");
  add_common(*check, *checking);
  add_open_options(*check, checking->open);
  check->callback([checking, &action] { action = [checking] { return run_verify(*checking); }; });
}

}  // namespace holdfast::cli
