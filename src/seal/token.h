// Keys that stay in a token: a hardware security module, spoken to through PKCS#11 (OASIS, 2.40).
// The token encrypts and decrypts the keys of files (CKM_AES_GCM); its own key is never seen here.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/result.h"
#include "seal/key_provider.h"

namespace holdfast::seal {

struct TokenOptions {
  // RFC 7512: pkcs11:token=T;object=K?module-path=M&pin-source=file:P. Without module-path the
  // modules that p11-kit knows are asked. A pin-value is refused: command lines are no secret.
  std::string uri;
  std::string pin_file;                       // where the URI names no pin-source
  std::chrono::milliseconds timeout{30'000};  // for each use of the token
};

// Parses the URI; the token is only used when the key is. Every use opens a session and closes it,
// so that a token may come and go. Errors of use: not_found (no such token or key),
// unauthenticated (wrong PIN), permission_denied (locked PIN; a key that could be copied out),
// unavailable (no answer in time, removed, out of order).
Result<std::unique_ptr<KeyProvider>> token_key(const TokenOptions& options);

// Makes an AES-256 key in the token under the URI's object and id: sensitive, not extractable,
// made there and kept there. invalid_argument when one of that name exists.
Status generate_token_key(const TokenOptions& options);

}  // namespace holdfast::seal
