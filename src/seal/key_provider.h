// Who wraps and unwraps the keys of files: a passphrase, a key file, a key in a token.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "seal/header.h"
#include "seal/key_slot.h"

namespace holdfast::seal {

// Used by one thread at a time.
class KeyProvider {
 public:
  virtual ~KeyProvider() = default;

  // For messages: "the passphrase in FILE", "the key file FILE", the URI without a PIN.
  virtual const std::string& name() const = 0;
  // Whether this key might open the slot.
  virtual bool fits(const KeySlot& slot) const = 0;
  // A new slot for a file's key. Errors are those of the place the key is in.
  virtual Result<KeySlot> wrap(const FileId& file, std::span<const uint8_t> file_key) = 0;
  // The file's key. unauthenticated when this is not the key that wrapped it.
  virtual Result<Secret> unwrap(const FileId& file, const KeySlot& slot) = 0;
};

using KeyProviders = std::vector<std::unique_ptr<KeyProvider>>;

std::unique_ptr<KeyProvider> passphrase_key(Secret passphrase, std::string name,
                                            const Argon2Cost& cost = {});
// `key` of kKeyBytes.
std::unique_ptr<KeyProvider> raw_key(Secret key, std::string name);

// A key file is one line: "holdfast-key-1 " and 64 hexadecimal digits. corrupt for anything else.
Result<std::unique_ptr<KeyProvider>> open_key_file(const std::string& path);
// Makes one with a new key, readable by its owner alone. invalid_argument when PATH exists.
Status generate_key_file(const std::string& path);

// Finds the provider that opens the file and returns the file's key, having checked that the header
// is genuine. unauthenticated when none of the keys is the right one (naming those that are
// wanted), corrupt when the header was changed.
Result<Secret> find_file_key(const HeaderBytes& bytes, const Header& header,
                             const KeyProviders& keys, const std::string& file);

}  // namespace holdfast::seal
