// Keys from keys, and keys from passphrases.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "base/secret.h"

namespace holdfast::seal {

// HKDF-SHA-256 (RFC 5869), 32 bytes.
Secret hkdf(std::span<const uint8_t> key, std::span<const uint8_t> salt,
            std::span<const uint8_t> info);

// What a passphrase costs to try. The default is the second choice of RFC 9106, section 4, with
// more memory.
struct Argon2Cost {
  uint32_t passes = 3;
  uint32_t memory_kib = 256 << 10;
  uint32_t lanes = 4;

  friend bool operator==(const Argon2Cost&, const Argon2Cost&) = default;
};

// Whether it is neither too cheap to protect anything nor too dear to try: a header comes from
// outside, and must not make us take all memory.
bool sane(const Argon2Cost& cost);

// Argon2id (RFC 9106, version 19), 32 bytes. resource_exhausted without the memory.
Result<Secret> argon2id(std::span<const uint8_t> passphrase, std::span<const uint8_t> salt,
                        const Argon2Cost& cost);

}  // namespace holdfast::seal
