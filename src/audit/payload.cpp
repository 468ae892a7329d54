#include "audit/payload.h"

#include <cstring>
#include <memory>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <unistd.h>

#include "audit/base64.h"
#include "audit/compress.h"
#include "audit/format.h"
#include "audit/secret_file.h"
#include "base/check.h"
#include "base/crypto.h"
#include "base/state_file.h"

namespace holdfast::audit {

namespace {

constexpr size_t kNonce = 12, kTag = 16;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

unsigned char* raw(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

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
  OPENSSL_cleanse(secret.data(), secret.size());
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
  OPENSSL_cleanse(secret_.data(), secret_.size());
  OPENSSL_cleanse(cipher_key_.data(), cipher_key_.size());
}

std::array<uint8_t, 32> PayloadKeys::derive(std::string_view info) const {
  return HmacSha256(secret_).update(info).update("\x01").finish();
}

HmacSha256 PayloadKeys::digest(std::string_view purpose) const {
  return HmacSha256(derive("holdfast audit v1 hmac " + std::string(purpose)));
}

std::string PayloadKeys::seal(std::string_view text, std::string_view context) const {
  const std::string packed = zstd_compress(text, 3);
  std::string out(kNonce + packed.size() + kTag, '\0');
  CHECK(RAND_bytes(raw(out), kNonce) == 1) << "no random numbers";
  const Context cipher(EVP_CIPHER_CTX_new());
  CHECK(cipher) << "memory";
  int size = 0, rest = 0;
  const bool good = EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, cipher_key_.data(),
                                       raw(out)) == 1 &&
                    EVP_EncryptUpdate(cipher.get(), nullptr, &size, raw(context),
                                      static_cast<int>(context.size())) == 1 &&
                    EVP_EncryptUpdate(cipher.get(), raw(out) + kNonce, &size, raw(packed),
                                      static_cast<int>(packed.size())) == 1 &&
                    EVP_EncryptFinal_ex(cipher.get(), raw(out) + kNonce + size, &rest) == 1 &&
                    EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTag,
                                        raw(out) + kNonce + packed.size()) == 1;
  CHECK(good && static_cast<size_t>(size + rest) == packed.size()) << "AES-256-GCM";
  return to_base64({raw(out), out.size()});
}

Result<std::string> PayloadKeys::open(std::string_view sealed, std::string_view context) const {
  auto bytes = from_base64(sealed);
  if (!bytes || bytes->size() < kNonce + kTag) {
    return fail(Code::kCorrupt, "this is no sealed payload");
  }
  const size_t size = bytes->size() - kNonce - kTag;
  std::string packed(size, '\0');
  const Context cipher(EVP_CIPHER_CTX_new());
  CHECK(cipher) << "memory";
  int put = 0, rest = 0;
  const bool good = EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, cipher_key_.data(),
                                       raw(*bytes)) == 1 &&
                    EVP_DecryptUpdate(cipher.get(), nullptr, &put, raw(context),
                                      static_cast<int>(context.size())) == 1 &&
                    EVP_DecryptUpdate(cipher.get(), raw(packed), &put, raw(*bytes) + kNonce,
                                      static_cast<int>(size)) == 1 &&
                    EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTag,
                                        raw(*bytes) + kNonce + size) == 1 &&
                    EVP_DecryptFinal_ex(cipher.get(), raw(packed) + put, &rest) == 1;
  ERR_clear_error();
  if (!good) {
    return fail(Code::kPermissionDenied, "the payload does not open with this key", {},
                "it needs the payload key of the server that wrote it");
  }
  return zstd_decompress(packed, kMaxBody);
}

}  // namespace holdfast::audit
