#include "audit/signer.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/secret_file.h"
#include "base/check.h"
#include "base/state_file.h"

namespace holdfast::audit {

namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;
struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

// A key file that is encrypted would make OpenSSL ask on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

Result<PublicKey> public_half(EVP_PKEY* key, const std::string& path) {
  PublicKey out;
  size_t size = out.size();
  if (EVP_PKEY_get_id(key) != EVP_PKEY_ED25519 ||
      EVP_PKEY_get_raw_public_key(key, out.data(), &size) != 1 || size != out.size()) {
    return fail(Code::kInvalidArgument, "this is not an Ed25519 key", path);
  }
  return out;
}

class KeyFileSigner final : public Signer {
 public:
  KeyFileSigner(Key key, const PublicKey& half) : key_(std::move(key)), public_(half) {}
  const PublicKey& public_key() const override { return public_; }

  Result<Signature> sign(std::string_view message) override {
    const Context context(EVP_MD_CTX_new());
    Signature out;
    size_t size = out.size();
    if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1 ||
        EVP_DigestSign(context.get(), out.data(), &size,
                       reinterpret_cast<const unsigned char*>(message.data()),
                       message.size()) != 1 ||
        size != out.size()) {
      ERR_clear_error();
      return fail(Code::kUnavailable, "the audit key does not sign");
    }
    return out;
  }

 private:
  Key key_;
  PublicKey public_;
};

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

}  // namespace

Result<std::unique_ptr<Signer>> open_key_file(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string pem, read_secret_file(path));
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  CHECK(bio) << "memory";
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (!key) {
    return fail(Code::kCorrupt, "there is no private key in this file", path,
                "it must be PEM, PKCS #8, without a passphrase");
  }
  ASSIGN_OR_RETURN(const PublicKey half, public_half(key.get(), path));
  return std::make_unique<KeyFileSigner>(std::move(key), half);
}

Result<std::unique_ptr<Signer>> open_or_create_key_file(const std::string& path) {
  if (access(path.c_str(), F_OK) == 0) return open_key_file(path);
  const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  const Bio secret(BIO_new(BIO_s_mem())), open(BIO_new(BIO_s_mem()));
  if (!key || !secret || !open ||
      PEM_write_bio_PKCS8PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                    nullptr) != 1 ||
      PEM_write_bio_PUBKEY(open.get(), key.get()) != 1) {
    ERR_clear_error();
    return fail(Code::kInternal, "cannot make an Ed25519 key", path);
  }
  RETURN_IF_ERROR(write_state_file(path + ".pub", text_of(open.get()), Access::kEverybody));
  RETURN_IF_ERROR(write_state_file(path, text_of(secret.get()), Access::kOwner));
  return open_key_file(path);
}

Result<PublicKey> read_public_key(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string pem, read_small_file(path));
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  CHECK(bio) << "memory";
  const Key key(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (!key) {
    return fail(Code::kCorrupt, "there is no public key in this file", path,
                "it must be PEM, as the .pub file beside the audit key");
  }
  return public_half(key.get(), path);
}

Verifier::Verifier(const PublicKey& key)
    : key_(key),
      pkey_(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size())) {
  ERR_clear_error();
}

Verifier::~Verifier() { EVP_PKEY_free(static_cast<EVP_PKEY*>(pkey_)); }

bool Verifier::verify(std::string_view message, const Signature& signature) const {
  if (pkey_ == nullptr) return false;
  const Context context(EVP_MD_CTX_new());
  const bool good =
      context &&
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr,
                           static_cast<EVP_PKEY*>(pkey_)) == 1 &&
      EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                       reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace holdfast::audit
