// The few primitives of OpenSSL that several rooms need, behind plain types.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

using Digest = std::array<uint8_t, 32>;

// From the system's generator; there is no answer but success.
std::string random_bytes(size_t count);

Digest sha256(std::string_view data);
Digest hmac_sha256(std::string_view key, std::string_view data);
std::string_view bytes_of(const Digest& digest);  // as long as the digest lives

// Takes the same time wherever the two differ; their lengths are no secret.
bool equal_secrets(std::string_view a, std::string_view b);

// Overwrites a secret that is no longer needed, also where the compiler would leave it.
void wipe(std::string& secret);

std::string to_hex(std::string_view data);

// RFC 4648, section 5, without padding. Decoding is strict: nothing for padding, other characters,
// an impossible length, or bits left over that are not zero.
std::string to_base64url(std::string_view data);
std::optional<std::string> from_base64url(std::string_view text);

// What OpenSSL says went wrong, the first cause, and forgets the rest.
std::string openssl_reason();

}  // namespace holdfast
