// Keys on the command line, the same for every command: --key, --passphrase-file, --pin-file.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "seal/key_provider.h"

namespace CLI {
class App;
}

namespace holdfast::cli {

struct KeyOptions {
  std::vector<std::string> keys;              // a key file, or pkcs11:... (RFC 7512)
  std::vector<std::string> passphrase_files;  // one passphrase each
  std::string pin_file;                       // of the token, where the URI names none

  bool empty() const { return keys.empty() && passphrase_files.empty(); }
};

// --PREFIXkey, --PREFIXpassphrase-file and --PREFIXpin-file.
void add_key_options(CLI::App& command, KeyOptions& options, const std::string& prefix = "");
Result<seal::KeyProviders> open_keys(const KeyOptions& options);

}  // namespace holdfast::cli
