#include "cli/key_options.h"

#include <utility>

#include <CLI/CLI.hpp>

namespace holdfast::cli {

void add_key_options(CLI::App& command, KeyOptions& options, const std::string& prefix) {
  command.add_option("--" + prefix + "key", options.keys,
                     "A key file, or a key in a token as pkcs11:... (RFC 7512); may be repeated");
  command.add_option("--" + prefix + "passphrase-file", options.passphrase_files,
                     "A file with a passphrase; may be repeated");
}

Result<seal::KeyProviders> open_keys(const KeyOptions& options) {
  seal::KeyProviders keys;
  for (const std::string& key : options.keys) {
    if (key.starts_with("pkcs11:"))
      return fail(Code::kUnimplemented, "keys in a token cannot be used yet", key);
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
