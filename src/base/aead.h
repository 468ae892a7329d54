// AES-256-GCM with nonces of 96 bits and tags of 128 (NIST SP 800-38D), by OpenSSL.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace holdfast {

inline constexpr std::size_t kKeyBytes = 32;
inline constexpr std::size_t kNonceBytes = 12;
inline constexpr std::size_t kTagBytes = 16;
using Nonce = std::array<uint8_t, kNonceBytes>;
using Tag = std::array<uint8_t, kTagBytes>;

// One key, expanded once. Not thread-safe.
class Aes256Gcm {
 public:
  explicit Aes256Gcm(std::span<const uint8_t> key);  // of kKeyBytes
  ~Aes256Gcm();
  Aes256Gcm(const Aes256Gcm&) = delete;
  Aes256Gcm& operator=(const Aes256Gcm&) = delete;

  // `out` is as long as `plain` and may be the same memory. A nonce serves once.
  void encrypt(const Nonce& nonce, std::span<const uint8_t> associated,
               std::span<const std::byte> plain, std::span<std::byte> out, Tag& tag);
  // Whether `tag` fits; when it does not, `out` is overwritten and holds nothing of the text. `out`
  // is as long as `sealed` and may be the same memory.
  [[nodiscard]] bool decrypt(const Nonce& nonce, std::span<const uint8_t> associated,
                             std::span<const std::byte> sealed, const Tag& tag,
                             std::span<std::byte> out);

 private:
  struct Contexts;
  Contexts* contexts_;
};

}  // namespace holdfast
