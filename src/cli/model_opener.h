// How commands open a model's files: plain ones mapped, sealed ones decrypted into memory that
// never reaches a disk.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/key_options.h"
#include "files/byte_source.h"

namespace holdfast::cli {

struct OpenOptions {
  KeyOptions keys;
};

// --key, --passphrase-file, --pin-file.
void add_open_options(CLI::App& command, OpenOptions& options);

// Opens the keys at once, so that a wrong PIN is told before anything is loaded. `model` is the
// path behind MODEL.
Result<FileOpener> make_opener(const OpenOptions& options, const std::string& model);

}  // namespace holdfast::cli
