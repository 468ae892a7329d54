// SHA-256 and HMAC-SHA-256 (OpenSSL's), and digests as text.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace holdfast {

using Digest = std::array<uint8_t, 32>;

// One digest in pieces. Reusable: finish() begins a new one. Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  Sha256& update(std::span<const std::byte> bytes);
  Sha256& update(std::string_view bytes) { return update(std::as_bytes(std::span(bytes))); }
  Sha256& update(const Digest& digest) { return update(std::as_bytes(std::span(digest))); }
  Digest finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Digest sha256(std::span<const std::byte> bytes);
inline Digest sha256(std::string_view bytes) { return sha256(std::as_bytes(std::span(bytes))); }

// One keyed digest in pieces (RFC 2104). Reusable as above, with the same key.
class HmacSha256 {
 public:
  explicit HmacSha256(std::span<const uint8_t> key);
  HmacSha256& update(std::string_view bytes);
  Digest finish();

 private:
  std::array<uint8_t, 64> outer_;
  std::array<uint8_t, 64> inner_;
  Sha256 hash_;
};

// Lower case.
std::string to_hex(std::span<const uint8_t> bytes);
// Nothing for an odd length or a character that is no hexadecimal digit.
std::optional<std::string> from_hex(std::string_view text);
std::optional<Digest> digest_from_hex(std::string_view text);

}  // namespace holdfast
