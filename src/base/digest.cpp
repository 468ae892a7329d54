#include "base/digest.h"

#include <algorithm>
#include <cstring>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/check.h"

namespace holdfast {

struct Sha256::Context {
  EVP_MD_CTX* md = nullptr;
};

namespace {

// Fetched once: OpenSSL 3 looks an algorithm up by name on every use otherwise.
const EVP_MD* algorithm() {
  static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  CHECK(md != nullptr) << "OpenSSL has no SHA-256";
  return md;
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  context_->md = EVP_MD_CTX_new();
  CHECK(context_->md != nullptr) << "no memory for a digest";
  CHECK(EVP_DigestInit_ex2(context_->md, algorithm(), nullptr) == 1) << "SHA-256";
}

Sha256::~Sha256() {
  if (context_) EVP_MD_CTX_free(context_->md);
}

Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&& other) noexcept {
  std::swap(context_, other.context_);
  return *this;
}

Sha256& Sha256::update(std::span<const std::byte> bytes) {
  CHECK(EVP_DigestUpdate(context_->md, bytes.data(), bytes.size()) == 1) << "SHA-256";
  return *this;
}

Digest Sha256::finish() {
  Digest out;
  CHECK(EVP_DigestFinal_ex(context_->md, out.data(), nullptr) == 1) << "SHA-256";
  CHECK(EVP_DigestInit_ex2(context_->md, algorithm(), nullptr) == 1) << "SHA-256";
  return out;
}

Digest sha256(std::span<const std::byte> bytes) {
  thread_local Sha256 hash;
  return hash.update(bytes).finish();
}

HmacSha256::HmacSha256(std::span<const uint8_t> key) {
  std::array<uint8_t, 64> block{};
  if (key.size() > block.size()) {
    const Digest short_key = sha256(std::as_bytes(key));
    std::copy(short_key.begin(), short_key.end(), block.begin());
  } else {
    std::copy(key.begin(), key.end(), block.begin());
  }
  for (size_t i = 0; i < block.size(); ++i) {
    inner_[i] = block[i] ^ 0x36;
    outer_[i] = block[i] ^ 0x5c;
  }
  OPENSSL_cleanse(block.data(), block.size());
  hash_.update(std::as_bytes(std::span(inner_)));
}

HmacSha256& HmacSha256::update(std::string_view bytes) {
  hash_.update(bytes);
  return *this;
}

Digest HmacSha256::finish() {
  const Digest inner = hash_.finish();
  const Digest out = hash_.update(std::as_bytes(std::span(outer_))).update(inner).finish();
  hash_.update(std::as_bytes(std::span(inner_)));
  return out;
}

std::string to_hex(std::span<const uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(2 * bytes.size());
  for (const uint8_t byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high << 4 | low);
  }
  return out;
}

std::optional<Digest> digest_from_hex(std::string_view text) {
  const auto bytes = from_hex(text);
  Digest out;
  if (!bytes || bytes->size() != out.size()) return std::nullopt;
  std::memcpy(out.data(), bytes->data(), out.size());
  return out;
}

}  // namespace holdfast
