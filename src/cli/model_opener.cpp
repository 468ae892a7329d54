#include "cli/model_opener.h"

#include <memory>
#include <utility>

#include <CLI/CLI.hpp>

#include "base/secret_memory.h"
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

}  // namespace

void add_open_options(CLI::App& command, OpenOptions& options) {
  add_key_options(command, options.keys);
}

Result<FileOpener> make_opener(const OpenOptions& options, const std::string&) {
  ASSIGN_OR_RETURN(auto opened, open_keys(options.keys));
  auto keys = std::make_shared<const seal::KeyProviders>(std::move(opened));
  return [keys](const std::string& path) -> Result<std::shared_ptr<const ByteSource>> {
    ASSIGN_OR_RETURN(const bool sealed, seal::is_sealed(path));
    if (!sealed) return open_file(path);
    RETURN_IF_ERROR(keep_memory_secret());
    ASSIGN_OR_RETURN(auto file, seal::SealedFile::open(path, *keys));
    return chunked_source(std::make_shared<const SealedChunks>(std::move(file)));
  };
}

}  // namespace holdfast::cli
