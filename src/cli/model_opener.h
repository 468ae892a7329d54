// How commands open a model's files: plain ones mapped, sealed ones decrypted into memory that
// never reaches a disk, and those a manifest vouches for checked chunk by chunk.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "cli/key_options.h"
#include "files/byte_source.h"
#include "files/chunked_source.h"

namespace holdfast::cli {

struct OpenOptions {
  KeyOptions keys;
  std::string verify;    // a public key that must have signed the model's manifest
  std::string manifest;  // where it does not lie beside the model
};

// --key, --passphrase-file, --pin-file, --token-timeout, --verify, --manifest.
void add_open_options(CLI::App& command, OpenOptions& options);

// Opens the keys and the headers of the model's sealed files and checks the manifest's signature at
// once: what is wrong is told before anything is loaded, and nothing but the model's own files is
// needed afterwards, when a server has fenced itself in. `model` is the path behind MODEL.
Result<FileOpener> make_opener(const OpenOptions& options, const std::string& model);

// The content of a plain or sealed file, in chunks.
using ChunkOpener =
    std::function<Result<std::shared_ptr<const ChunkReader>>(const std::string& path)>;
Result<ChunkOpener> make_chunk_opener(const KeyOptions& options);

}  // namespace holdfast::cli
