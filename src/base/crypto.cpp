#include "base/crypto.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/secret.h"

namespace holdfast {

std::string random_bytes(size_t count) {
  std::string out(count, '\0');
  random_fill({reinterpret_cast<uint8_t*>(out.data()), out.size()});
  return out;
}

Digest hmac_sha256(std::string_view key, std::string_view data) {
  return HmacSha256(bytes_of(key)).update(data).finish();
}

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string_view bytes_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

bool equal_secrets(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(std::string& secret) {
  wipe(std::as_writable_bytes(std::span(secret)));
  secret.clear();
}

std::string openssl_reason() {
  const unsigned long first = ERR_get_error();
  ERR_clear_error();
  if (first == 0) return "no reason given";
  const char* reason = ERR_reason_error_string(first);
  return reason != nullptr ? reason : "error " + std::to_string(first);
}

}  // namespace holdfast
