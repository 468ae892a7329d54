#include "cli/model_manifest.h"

#include <filesystem>
#include <utility>

#include <spdlog/spdlog.h>

#include "files/byte_source.h"
#include "seal/signer.h"

namespace holdfast::cli {

namespace fs = std::filesystem;

namespace {

constexpr char kInDirectory[] = "model.sig";

bool is_directory(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_there(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

std::string parent(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  return folder.empty() ? "." : folder.string();
}

Result<std::string> read_whole(const std::string& path) {
  ASSIGN_OR_RETURN(const auto source, open_file(path));
  std::string text(source->size(), '\0');
  RETURN_IF_ERROR(source->read(0, std::as_writable_bytes(std::span(text))));
  return text;
}

}  // namespace

std::string manifest_path(const std::string& model) {
  return is_directory(model) ? (fs::path(model) / kInDirectory).string() : model + ".sig";
}

Result<const ManifestFile*> ModelManifest::expected(const std::string& file) const {
  const std::string name =
      directory.empty() ? "." : fs::path(file).lexically_relative(directory).generic_string();
  if (const ManifestFile* found = manifest.find(name)) return found;
  return fail(Code::kCorrupt, "the manifest does not name the file '" + name + "'", path,
              "Use only files that were signed, or make the manifest anew");
}

Result<std::shared_ptr<const ModelManifest>> find_manifest(const std::string& model,
                                                           const std::string& named,
                                                           const std::string& public_key) {
  auto out = std::make_shared<ModelManifest>();
  out->path = named.empty() ? manifest_path(model) : named;
  if (is_directory(model)) out->directory = model;
  const std::string above = (fs::path(parent(model)) / kInDirectory).string();
  if (named.empty() && out->directory.empty() && !is_there(out->path) && is_there(above)) {
    out->path = above;
    out->directory = parent(model);
  }
  if (!is_there(out->path)) {
    if (named.empty() && public_key.empty()) return nullptr;
    return fail(Code::kNotFound, "there is no manifest", out->path,
                "Make one with holdfast manifest create, or name it with --manifest");
  }
  ASSIGN_OR_RETURN(const std::string text, read_whole(out->path));
  ASSIGN_OR_RETURN(const SignedManifest bundle, parse_bundle(text, out->path));
  if (!public_key.empty()) {
    ASSIGN_OR_RETURN(const auto key, seal::PublicKey::read(public_key));
    if (Status genuine = key.verify(bundle.message(), bundle.signature); !genuine) {
      Error error = genuine.error();
      error.where = out->path + ", " + error.where;
      if (bundle.key_hint != key.hint())
        error.hint = "The manifest names another key as its signer's";
      return fail(std::move(error));
    }
    out->signature_checked = true;
  }
  ASSIGN_OR_RETURN(out->manifest, parse_statement(bundle.payload, out->path));
  return out;
}

}  // namespace holdfast::cli
