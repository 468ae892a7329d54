// Signatures with Ed25519 (RFC 8032) and ECDSA over P-256 with SHA-256, by OpenSSL; keys as PEM.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

typedef struct evp_pkey_st EVP_PKEY;

namespace holdfast::seal {

enum class SigningKind { kEd25519, kP256 };

class PublicKey {
 public:
  // PEM (SubjectPublicKeyInfo). not_found, permission_denied; corrupt for no such key;
  // unimplemented for another kind of key.
  static Result<PublicKey> read(const std::string& path);

  // unauthenticated when the signature is not of this key and message.
  Status verify(std::string_view message, std::string_view signature) const;
  // SHA-256 of its PEM as OpenSSL writes it, hexadecimal: what bundles name keys by.
  std::string hint() const;
  const std::string& name() const { return name_; }

 private:
  friend class Signer;
  PublicKey(std::string name, std::shared_ptr<EVP_PKEY> key)
      : name_(std::move(name)), key_(std::move(key)) {}
  std::string name_;
  std::shared_ptr<EVP_PKEY> key_;
};

class Signer {
 public:
  // PEM (PKCS#8), not encrypted. Errors as PublicKey::read.
  static Result<Signer> read(const std::string& path);

  // Ed25519: 64 bytes; ECDSA: DER.
  Result<std::string> sign(std::string_view message) const;
  const PublicKey& public_key() const { return public_; }

 private:
  explicit Signer(PublicKey key) : public_(std::move(key)) {}
  PublicKey public_;  // with the private half
};

// Writes PATH, readable by its owner alone, and PATH.pub. invalid_argument when either exists.
Status generate_signing_key(const std::string& path, SigningKind kind);

}  // namespace holdfast::seal
