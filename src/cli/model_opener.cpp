#include "cli/model_opener.h"

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

#include "base/secret_memory.h"
#include "cli/model_manifest.h"
#include "files/chunked_source.h"
#include "seal/sealed_file.h"

namespace holdfast::cli {
namespace {

// The chunks of a sealed file as files/ reads them.
class SealedChunks final : public ChunkReader {
 public:
  explicit SealedChunks(std::shared_ptr<const seal::SealedFile> file) : file_(std::move(file)) {
    static_assert(kSourceChunk == seal::kChunkBytes);
  }
  const std::string& name() const override { return file_->path(); }
  uint64_t size() const override { return file_->size(); }
  Status read_chunk(uint64_t chunk, std::span<std::byte> out) const override {
    return file_->read_chunk(chunk, out);
  }
  void will_read(uint64_t first, uint64_t count) const override { file_->will_read(first, count); }

 private:
  std::shared_ptr<const seal::SealedFile> file_;
};

Result<std::shared_ptr<const ChunkReader>> open_chunks(const std::string& path, bool sealed,
                                                       const seal::KeyProviders& keys) {
  if (!sealed) return plain_chunks(path);
  RETURN_IF_ERROR(keep_memory_secret());
  ASSIGN_OR_RETURN(auto file, seal::SealedFile::open(path, keys));
  return std::make_shared<const SealedChunks>(std::move(file));
}

Result<std::shared_ptr<const seal::KeyProviders>> shared_keys(const KeyOptions& options) {
  ASSIGN_OR_RETURN(auto keys, open_keys(options));
  return std::make_shared<const seal::KeyProviders>(std::move(keys));
}

}  // namespace

void add_open_options(CLI::App& command, OpenOptions& options) {
  add_key_options(command, options.keys);
  command.add_option("--verify", options.verify,
                     "A public key (PEM) that must have signed the model's manifest");
  command.add_option("--manifest", options.manifest,
                     "The manifest, where it is not MODEL.sig or model.sig in a directory");
}

Result<ChunkOpener> make_chunk_opener(const KeyOptions& options) {
  ASSIGN_OR_RETURN(const auto keys, shared_keys(options));
  return [keys](const std::string& path) -> Result<std::shared_ptr<const ChunkReader>> {
    ASSIGN_OR_RETURN(const bool sealed, seal::is_sealed(path));
    return open_chunks(path, sealed, *keys);
  };
}

namespace {

namespace fs = std::filesystem;

// The files that loading MODEL may open: itself, its directory's, or its siblings when it is split.
std::vector<std::string> files_of(const std::string& model) {
  std::error_code error;
  const std::string name = fs::path(model).filename().string();
  const bool directory = fs::is_directory(model, error);
  const auto split = name.rfind("-of-");
  if (!directory && split == std::string::npos) return {model};
  std::vector<std::string> out;
  const fs::path folder = directory ? fs::path(model) : fs::path(model).parent_path();
  const std::string stem = directory ? "" : name.substr(0, name.rfind('-', split - 1));
  for (const auto& entry : fs::directory_iterator(folder.empty() ? "." : folder, error)) {
    const fs::path file = folder / entry.path().filename();
    if (entry.is_regular_file(error) && file.filename().string().starts_with(stem))
      out.push_back(file.string());
  }
  return out;
}

struct Opened {
  std::shared_ptr<const ModelManifest> manifest;
  std::map<std::string, std::shared_ptr<const ChunkReader>> sealed;
};

}  // namespace

Result<FileOpener> make_opener(const OpenOptions& options, const std::string& model) {
  auto opened = std::make_shared<Opened>();
  ASSIGN_OR_RETURN(opened->manifest, find_manifest(model, options.manifest, options.verify));
  if (opened->manifest && !opened->manifest->signature_checked)
    spdlog::warn("{}: chunks are checked, the signature is not (--verify KEY.pub)",
                 opened->manifest->path);
  ASSIGN_OR_RETURN(const auto keys, shared_keys(options.keys));
  for (const std::string& file : files_of(model)) {
    const auto sealed = seal::is_sealed(file);
    if (!sealed || !*sealed) continue;  // what cannot be read is told by who needs it
    ASSIGN_OR_RETURN(opened->sealed[file], open_chunks(file, true, *keys));
  }
  return [opened](const std::string& path) -> Result<std::shared_ptr<const ByteSource>> {
    const auto found = opened->sealed.find(path);
    if (found == opened->sealed.end() && !opened->manifest) return open_file(path);
    std::shared_ptr<const ChunkReader> reader;
    if (found != opened->sealed.end()) {
      reader = found->second;
    } else {
      ASSIGN_OR_RETURN(reader, plain_chunks(path));
    }
    if (opened->manifest && reader->size() > 0) {
      ASSIGN_OR_RETURN(const ManifestFile* expected, opened->manifest->expected(path));
      ASSIGN_OR_RETURN(reader, verified_chunks(std::move(reader), *expected));
    }
    return chunked_source(std::move(reader));
  };
}

}  // namespace holdfast::cli
