// Small things around secrets and OpenSSL; see digest.h for hashes, secret.h for keys in memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/digest.h"

namespace holdfast {

// From the system's generator; there is no answer but success.
std::string random_bytes(size_t count);

// The whole of `data` under `key`, and either as bytes.
Digest hmac_sha256(std::string_view key, std::string_view data);
std::string_view bytes_of(const Digest& digest);  // as long as the digest lives
std::span<const uint8_t> bytes_of(std::string_view text);

// Takes the same time wherever the two differ; their lengths are no secret.
bool equal_secrets(std::string_view a, std::string_view b);

// Overwrites a secret that is no longer needed, also where the compiler would leave it.
void wipe(std::string& secret);

// What OpenSSL says went wrong, the first cause, and forgets the rest.
std::string openssl_reason();

}  // namespace holdfast
