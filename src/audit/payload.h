// What the log keeps of prompts and answers: a keyed digest, which only who has the key can compare
// with a text, or the text itself, encrypted.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"

namespace holdfast::audit {

enum class PayloadPolicy {
  kHmac,       // digests only
  kEncrypted,  // and the texts, under AES-256-GCM
  kPlain,      // and the texts, readable by whoever reads the log
};

// The keys for one log's payloads, all derived from one secret of 32 bytes (HKDF-Expand, RFC 5869).
// Destroying the secret makes the digests incomparable and the texts unreadable, and leaves the
// chain intact. Thread-safe.
class PayloadKeys {
 public:
  // The secret's file, 32 bytes, readable by its owner only; made when it is not there.
  static Result<PayloadKeys> open_or_create(const std::string& path);
  static Result<PayloadKeys> open(const std::string& path);
  explicit PayloadKeys(const std::array<uint8_t, 32>& secret);
  ~PayloadKeys();
  PayloadKeys(const PayloadKeys&) = default;
  PayloadKeys& operator=(const PayloadKeys&) = default;

  // Tells keys apart, and says nothing about them: 8 hexadecimal digits.
  const std::string& id() const { return id_; }
  // A digest for texts of one `purpose` ("request", "answer"): the same text gives another digest
  // for another purpose.
  HmacSha256 digest(std::string_view purpose) const;

  // zstd, then AES-256-GCM under a fresh random nonce; base64 of nonce (12), ciphertext, tag (16).
  // Opens only with the same `context` (the receipt).
  std::string seal(std::string_view text, std::string_view context) const;
  // permission_denied when it was not sealed with this key and context.
  Result<std::string> open(std::string_view sealed, std::string_view context) const;

 private:
  std::array<uint8_t, 32> derive(std::string_view info) const;

  std::array<uint8_t, 32> secret_, cipher_key_;
  std::string id_;
};

}  // namespace holdfast::audit
