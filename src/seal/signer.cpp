#include "seal/signer.h"

#include <cstring>
#include <utility>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/check.h"
#include "base/crypto.h"
#include "base/digest.h"
#include "base/output_file.h"
#include "base/secret.h"
#include "base/state_file.h"

namespace holdfast::seal {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

std::string content(BIO* bio) {
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<std::size_t>(length));
}

Result<std::shared_ptr<EVP_PKEY>> read_key(const std::string& path, bool with_private) {
  Secret text;
  if (with_private) {
    ASSIGN_OR_RETURN(text, read_secret_file(path));
  } else {
    ASSIGN_OR_RETURN(const std::string open, read_small_file(path));
    text = Secret::copy({reinterpret_cast<const uint8_t*>(open.data()), open.size()});
  }
  const Bio bio(BIO_new_mem_buf(text.bytes().data(), static_cast<int>(text.size())), BIO_free_all);
  // No callback that asks for a password: an encrypted key is refused.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  EVP_PKEY* read = with_private ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr)
                                : PEM_read_bio_PUBKEY(bio.get(), nullptr, no_password, nullptr);
  if (read == nullptr) {
    return fail(
        Code::kCorrupt,
        with_private ? "not a private key in PEM, without a password" : "not a public key in PEM",
        path, "Make one with holdfast keys generate --sign");
  }
  std::shared_ptr<EVP_PKEY> key(read, EVP_PKEY_free);
  char group[32] = "";
  const bool p256 = EVP_PKEY_is_a(read, "EC") == 1 &&
                    EVP_PKEY_get_group_name(read, group, sizeof group, nullptr) == 1 &&
                    std::strcmp(group, "prime256v1") == 0;
  if (!p256 && EVP_PKEY_is_a(read, "ED25519") != 1)
    return fail(Code::kUnimplemented, "the key is neither of Ed25519 nor of P-256", path);
  return key;
}

const EVP_MD* digest_of(EVP_PKEY* key) {
  return EVP_PKEY_is_a(key, "ED25519") == 1 ? nullptr : EVP_sha256();
}

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string public_pem(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()), BIO_free_all);
  CHECK(PEM_write_bio_PUBKEY(bio.get(), key) == 1) << openssl_reason();
  return content(bio.get());
}

}  // namespace

Result<PublicKey> PublicKey::read(const std::string& path) {
  ASSIGN_OR_RETURN(auto key, read_key(path, false));
  return PublicKey(path, std::move(key));
}

Status PublicKey::verify(std::string_view message, std::string_view signature) const {
  const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  CHECK(EVP_DigestVerifyInit(context.get(), nullptr, digest_of(key_.get()), nullptr, key_.get()) ==
        1)
      << openssl_reason();
  if (EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(message),
                       message.size()) == 1)
    return {};
  (void)openssl_reason();
  return fail(Code::kUnauthenticated, "the signature is not by this key, or not of this content",
              name_);
}

std::string PublicKey::hint() const { return to_hex(sha256(public_pem(key_.get()))); }

Result<Signer> Signer::read(const std::string& path) {
  ASSIGN_OR_RETURN(auto key, read_key(path, true));
  return Signer(PublicKey(path, std::move(key)));
}

Result<std::string> Signer::sign(std::string_view message) const {
  EVP_PKEY* const key = public_.key_.get();
  const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::string out(256, '\0');
  std::size_t length = out.size();
  if (EVP_DigestSignInit(context.get(), nullptr, digest_of(key), nullptr, key) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &length,
                     bytes(message), message.size()) != 1)
    return fail(Code::kInternal, "the key does not sign: " + openssl_reason(), public_.name_);
  out.resize(length);
  return out;
}

Status generate_signing_key(const std::string& path, SigningKind kind) {
  const std::shared_ptr<EVP_PKEY> key(kind == SigningKind::kEd25519
                                          ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                                          : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"),
                                      EVP_PKEY_free);
  CHECK(key != nullptr) << openssl_reason();
  const Bio bio(BIO_new(BIO_s_secmem()), BIO_free_all);
  CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                      nullptr) == 1)
      << openssl_reason();
  std::string text = content(bio.get());
  ASSIGN_OR_RETURN(auto file, OutputFile::create(path, OutputFile::Existing::kRefuse, 0600));
  ASSIGN_OR_RETURN(auto open, OutputFile::create(path + ".pub", OutputFile::Existing::kRefuse));
  RETURN_IF_ERROR(file.write(text));
  wipe(text);
  RETURN_IF_ERROR(open.write(public_pem(key.get())));
  RETURN_IF_ERROR(file.finish());
  return open.finish();
}

}  // namespace holdfast::seal
