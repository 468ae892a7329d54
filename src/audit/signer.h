// Ed25519 (RFC 8032) signatures over what the log commits to. The log asks for a Signer only, so a
// key in a hardware module can stand behind it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::audit {

using Signature = std::array<uint8_t, 64>;
using PublicKey = std::array<uint8_t, 32>;

// Used from one thread at a time.
class Signer {
 public:
  virtual ~Signer() = default;
  virtual const PublicKey& public_key() const = 0;
  // unavailable when the key cannot be reached now.
  virtual Result<Signature> sign(std::string_view message) = 0;
};

// A private key in a PEM file (PKCS #8), readable by its owner only.
Result<std::unique_ptr<Signer>> open_key_file(const std::string& path);
// The same; makes the key when there is no such file, and its public half beside it as PATH with
// ".pub" (PEM, SubjectPublicKeyInfo).
Result<std::unique_ptr<Signer>> open_or_create_key_file(const std::string& path);

Result<PublicKey> read_public_key(const std::string& path);

// Checks signatures of one key; thread-safe.
class Verifier {
 public:
  explicit Verifier(const PublicKey& key);
  ~Verifier();
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  const PublicKey& key() const { return key_; }
  bool verify(std::string_view message, const Signature& signature) const;

 private:
  PublicKey key_;
  void* pkey_ = nullptr;  // EVP_PKEY; null when `key` is no key: nothing verifies
};

}  // namespace holdfast::audit
