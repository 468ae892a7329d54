// Keys on the command line, the same for every command: --key, --passphrase-file, --pin-file.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "seal/key_provider.h"
#include "seal/token.h"

namespace CLI {
class App;
}

namespace holdfast::cli {

struct KeyOptions {
  std::vector<std::string> keys;              // a key file, or pkcs11:... (RFC 7512)
  std::vector<std::string> passphrase_files;  // one passphrase each
  std::string pin_file;                       // of the token, where the URI names none
  double token_timeout = 30.0;                // seconds, for each use

  bool empty() const { return keys.empty() && passphrase_files.empty(); }
};

// --PREFIXkey and --PREFIXpassphrase-file; without a prefix also --pin-file and --token-timeout.
void add_key_options(CLI::App& command, KeyOptions& options, const std::string& prefix = "");
Result<seal::KeyProviders> open_keys(const KeyOptions& options);
seal::TokenOptions token_options(const KeyOptions& options, const std::string& uri);

}  // namespace holdfast::cli
