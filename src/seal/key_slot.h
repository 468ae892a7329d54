// One way to open a sealed file: the file's key, wrapped by one key, as the header stores it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <variant>

#include "base/aead.h"
#include "seal/derive.h"

namespace holdfast::seal {

// A key encrypted by AES-256-GCM.
struct Wrapped {
  Nonce nonce{};
  std::array<uint8_t, kKeyBytes> sealed{};
  Tag tag{};

  friend bool operator==(const Wrapped&, const Wrapped&) = default;
};

struct PassphraseSlot {
  std::array<uint8_t, 16> salt{};
  Argon2Cost cost;
  Wrapped wrapped;
  friend bool operator==(const PassphraseSlot&, const PassphraseSlot&) = default;
};

struct KeyFileSlot {
  std::array<uint8_t, 8> key_id{};  // tells the right key without trying it
  Wrapped wrapped;
  friend bool operator==(const KeyFileSlot&, const KeyFileSlot&) = default;
};

// A key that stays in a token (a hardware security module) and is found by what it is called.
struct TokenSlot {
  std::string label;   // CKA_LABEL, at most 255 bytes
  std::string key_id;  // CKA_ID, at most 255 bytes
  Wrapped wrapped;
  friend bool operator==(const TokenSlot&, const TokenSlot&) = default;
};

using KeySlot = std::variant<PassphraseSlot, KeyFileSlot, TokenSlot>;

// "a passphrase", "the key file 0011223344556677", "the token's key 'master' (id 01)"
std::string describe(const KeySlot& slot);

}  // namespace holdfast::seal
