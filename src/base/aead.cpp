#include "base/aead.h"

#include <openssl/evp.h>

#include "base/check.h"
#include "base/secret.h"

namespace holdfast {

struct Aes256Gcm::Contexts {
  EVP_CIPHER_CTX* encrypt = nullptr;
  EVP_CIPHER_CTX* decrypt = nullptr;
};

namespace {

// Fetched once: OpenSSL 3 looks an algorithm up by name on every use otherwise.
const EVP_CIPHER* cipher() {
  static const EVP_CIPHER* const gcm = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  CHECK(gcm != nullptr) << "OpenSSL has no AES-256-GCM";
  return gcm;
}

const unsigned char* in(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* out_of(std::span<std::byte> bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

}  // namespace

Aes256Gcm::Aes256Gcm(std::span<const uint8_t> key) : contexts_(new Contexts) {
  CHECK(key.size() == kKeyBytes) << "a key of " << key.size() << " bytes";
  contexts_->encrypt = EVP_CIPHER_CTX_new();
  contexts_->decrypt = EVP_CIPHER_CTX_new();
  CHECK(contexts_->encrypt != nullptr && contexts_->decrypt != nullptr) << "no memory for a cipher";
  CHECK(EVP_EncryptInit_ex2(contexts_->encrypt, cipher(), key.data(), nullptr, nullptr) == 1)
      << "AES-256-GCM";
  CHECK(EVP_DecryptInit_ex2(contexts_->decrypt, cipher(), key.data(), nullptr, nullptr) == 1)
      << "AES-256-GCM";
}

Aes256Gcm::~Aes256Gcm() {
  EVP_CIPHER_CTX_free(contexts_->encrypt);  // overwrites the key
  EVP_CIPHER_CTX_free(contexts_->decrypt);
  delete contexts_;
}

void Aes256Gcm::encrypt(const Nonce& nonce, std::span<const uint8_t> associated,
                        std::span<const std::byte> plain, std::span<std::byte> out, Tag& tag) {
  CHECK(out.size() == plain.size());
  EVP_CIPHER_CTX* const context = contexts_->encrypt;
  int length = 0;
  bool ok = EVP_EncryptInit_ex2(context, nullptr, nullptr, nonce.data(), nullptr) == 1;
  if (!associated.empty()) {
    ok = ok && EVP_EncryptUpdate(context, nullptr, &length, associated.data(),
                                 static_cast<int>(associated.size())) == 1;
  }
  if (!plain.empty()) {
    ok = ok && EVP_EncryptUpdate(context, out_of(out), &length, in(plain),
                                 static_cast<int>(plain.size())) == 1;
  }
  Tag nothing;
  ok = ok && EVP_EncryptFinal_ex(context, nothing.data(), &length) == 1;
  ok = ok && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagBytes, tag.data()) == 1;
  CHECK(ok) << "AES-256-GCM";
}

bool Aes256Gcm::decrypt(const Nonce& nonce, std::span<const uint8_t> associated,
                        std::span<const std::byte> sealed, const Tag& tag,
                        std::span<std::byte> out) {
  CHECK(out.size() == sealed.size());
  EVP_CIPHER_CTX* const context = contexts_->decrypt;
  int length = 0;
  bool ok = EVP_DecryptInit_ex2(context, nullptr, nullptr, nonce.data(), nullptr) == 1;
  if (!associated.empty()) {
    ok = ok && EVP_DecryptUpdate(context, nullptr, &length, associated.data(),
                                 static_cast<int>(associated.size())) == 1;
  }
  if (!sealed.empty()) {
    ok = ok && EVP_DecryptUpdate(context, out_of(out), &length, in(sealed),
                                 static_cast<int>(sealed.size())) == 1;
  }
  Tag expected = tag;
  ok = ok && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagBytes, expected.data()) == 1;
  CHECK(ok) << "AES-256-GCM";
  Tag nothing;
  if (EVP_DecryptFinal_ex(context, nothing.data(), &length) == 1) return true;
  wipe(out);
  return false;
}

}  // namespace holdfast
