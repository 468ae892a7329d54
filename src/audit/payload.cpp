#include "audit/payload.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include <unistd.h>

#include "audit/compress.h"
#include "audit/format.h"
#include "audit/secret_file.h"
#include "base/aead.h"
#include "base/base64.h"
#include "base/crypto.h"
#include "base/secret.h"
#include "base/state_file.h"

namespace holdfast::audit {

namespace {

// Behind one another: the nonce, the sealed text, the tag.
constexpr size_t kAround = kNonceBytes + kTagBytes;

}  // namespace

Result<PayloadKeys> PayloadKeys::open(const std::string& path) {
  ASSIGN_OR_RETURN(std::string bytes, read_secret_file(path));
  std::array<uint8_t, 32> secret;
  if (bytes.size() != secret.size()) {
    return fail(Code::kCorrupt, "a payload key has 32 bytes", path);
  }
  std::memcpy(secret.data(), bytes.data(), secret.size());
  wipe(bytes);
  PayloadKeys keys(secret);
  wipe(std::as_writable_bytes(std::span(secret)));
  return keys;
}

Result<PayloadKeys> PayloadKeys::open_or_create(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0) {
    std::string bytes = random_bytes(32);
    const Status made = write_state_file(path, bytes, Access::kOwner);
    wipe(bytes);
    RETURN_IF_ERROR(made);
  }
  return open(path);
}

PayloadKeys::PayloadKeys(const std::array<uint8_t, 32>& secret) : secret_(secret) {
  cipher_key_ = derive("holdfast audit v1 aes-256-gcm");
  id_ = to_hex(derive("holdfast audit v1 id")).substr(0, 8);
}

PayloadKeys::~PayloadKeys() {
  wipe(std::as_writable_bytes(std::span(secret_)));
  wipe(std::as_writable_bytes(std::span(cipher_key_)));
}

std::array<uint8_t, 32> PayloadKeys::derive(std::string_view info) const {
  return HmacSha256(secret_).update(info).update("\x01").finish();
}

HmacSha256 PayloadKeys::digest(std::string_view purpose) const {
  return HmacSha256(derive("holdfast audit v1 hmac " + std::string(purpose)));
}

std::string PayloadKeys::seal(std::string_view text, std::string_view context) const {
  const std::string packed = zstd_compress(text, 3);
  std::vector<uint8_t> out(packed.size() + kAround);
  Nonce nonce;
  random_fill(nonce);
  Tag tag;
  const auto sealed = std::span(out).subspan(kNonceBytes, packed.size());
  Aes256Gcm(cipher_key_)
      .encrypt(nonce, bytes_of(context), std::as_bytes(std::span(packed)),
               std::as_writable_bytes(sealed), tag);
  std::ranges::copy(nonce, out.begin());
  std::ranges::copy(tag, out.end() - kTagBytes);
  return to_base64(out);
}

Result<std::string> PayloadKeys::open(std::string_view sealed, std::string_view context) const {
  const auto bytes = from_base64(sealed);
  if (!bytes || bytes->size() < kAround) {
    return fail(Code::kCorrupt, "this is no sealed payload");
  }
  const auto all = bytes_of(*bytes);
  Nonce nonce;
  std::ranges::copy(all.first(kNonceBytes), nonce.begin());
  Tag tag;
  std::ranges::copy(all.last(kTagBytes), tag.begin());
  std::string packed(all.size() - kAround, '\0');
  if (!Aes256Gcm(cipher_key_)
           .decrypt(nonce, bytes_of(context),
                    std::as_bytes(all.subspan(kNonceBytes, packed.size())), tag,
                    std::as_writable_bytes(std::span(packed)))) {
    return fail(Code::kPermissionDenied, "the payload does not open with this key", {},
                "it needs the payload key of the server that wrote it");
  }
  return zstd_decompress(packed, kMaxBody);
}

}  // namespace holdfast::audit
