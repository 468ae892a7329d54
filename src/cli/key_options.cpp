#include "cli/key_options.h"

#include <chrono>
#include <cstdint>
#include <utility>

#include <CLI/CLI.hpp>

namespace holdfast::cli {

void add_key_options(CLI::App& command, KeyOptions& options, const std::string& prefix) {
  command.add_option("--" + prefix + "key", options.keys,
                     "A key file, or a key in a token as pkcs11:... (RFC 7512); may be repeated");
  command.add_option("--" + prefix + "passphrase-file", options.passphrase_files,
                     "A file with a passphrase; may be repeated");
  if (!prefix.empty()) return;
  command.add_option("--pin-file", options.pin_file, "A file with the PIN of the token");
  command.add_option("--token-timeout", options.token_timeout, "Seconds to wait for the token")
      ->check(CLI::Range(0.001, 3600.0))
      ->capture_default_str();
}

seal::TokenOptions token_options(const KeyOptions& options, const std::string& uri) {
  return {.uri = uri,
          .pin_file = options.pin_file,
          .timeout = std::chrono::milliseconds(static_cast<int64_t>(options.token_timeout * 1000))};
}

Result<seal::KeyProviders> open_keys(const KeyOptions& options) {
  seal::KeyProviders keys;
  for (const std::string& key : options.keys) {
    if (key.starts_with("pkcs11:")) {
      ASSIGN_OR_RETURN(auto token, seal::token_key(token_options(options, key)));
      keys.push_back(std::move(token));
      continue;
    }
    ASSIGN_OR_RETURN(auto provider, seal::open_key_file(key));
    keys.push_back(std::move(provider));
  }
  for (const std::string& path : options.passphrase_files) {
    ASSIGN_OR_RETURN(Secret passphrase, read_secret_file(path));
    keys.push_back(seal::passphrase_key(std::move(passphrase), path));
  }
  return keys;
}

}  // namespace holdfast::cli
