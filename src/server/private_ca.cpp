#include "server/private_ca.h"

#include <algorithm>
#include <filesystem>
#include <memory>

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/crypto.h"
#include "base/state_file.h"

namespace holdfast {

namespace {

constexpr long kDay = 24L * 60 * 60;
constexpr long kAuthorityDays = 3650;
constexpr long kServerDays = 397;  // what clients accept of a server's certificate
constexpr long kRenewDays = 30;

template <auto kFree>
struct Freer {
  template <class T>
  void operator()(T* p) const {
    kFree(p);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Memory = std::unique_ptr<BIO, Freer<BIO_free_all>>;

tl::unexpected<Error> openssl_failed(std::string_view doing) {
  return fail(Code::kInternal, fmt::format("cannot {}: {}", doing, openssl_reason()));
}

std::string contents(BIO* bio) {
  std::string out(BIO_ctrl_pending(bio), '\0');
  BIO_read(bio, out.data(), static_cast<int>(out.size()));
  return out;
}

Memory memory_of(std::string_view text) {
  return Memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

struct Pair {
  Certificate certificate;
  Key key;
};

Result<Pair> read_pair(const std::string& certificate_path, const std::string& key_path) {
  ASSIGN_OR_RETURN(const std::string certificate, read_small_file(certificate_path));
  ASSIGN_OR_RETURN(std::string key, read_small_file(key_path));
  Pair pair;
  pair.certificate.reset(
      PEM_read_bio_X509(memory_of(certificate).get(), nullptr, nullptr, nullptr));
  pair.key.reset(PEM_read_bio_PrivateKey(memory_of(key).get(), nullptr, nullptr, nullptr));
  wipe(key);
  if (!pair.certificate || !pair.key) {
    return fail(Code::kCorrupt, openssl_reason(), pair.certificate ? key_path : certificate_path,
                "remove the file to have a new one made");
  }
  return pair;
}

Status write_pair(const Pair& pair, const X509* chain, const std::string& certificate_path,
                  const std::string& key_path) {
  const Memory certificate(BIO_new(BIO_s_mem())), key(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(certificate.get(), pair.certificate.get()) != 1 ||
      (chain != nullptr && PEM_write_bio_X509(certificate.get(), chain) != 1) ||
      PEM_write_bio_PKCS8PrivateKey(key.get(), pair.key.get(), nullptr, nullptr, 0, nullptr,
                                    nullptr) != 1) {
    return openssl_failed("write a certificate");
  }
  std::string secret = contents(key.get());
  const Status written = write_state_file(key_path, secret, Access::kOwner);
  wipe(secret);
  RETURN_IF_ERROR(written);
  return write_state_file(certificate_path, contents(certificate.get()), Access::kEverybody);
}

bool add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

// A certificate without extensions and signature, and its new key.
Result<Pair> begin_certificate(const std::string& name, long days) {
  Pair pair{Certificate(X509_new()), Key(EVP_EC_gen("P-256"))};
  if (!pair.certificate || !pair.key) return openssl_failed("make a key");
  X509* certificate = pair.certificate.get();
  std::string serial = random_bytes(16);
  serial[0] &= 0x7f;  // positive (RFC 5280, section 4.1.2.2)
  BIGNUM* number = BN_bin2bn(reinterpret_cast<const unsigned char*>(serial.data()), 16, nullptr);
  const bool numbered = BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  X509_NAME* subject = X509_get_subject_name(certificate);
  if (!numbered || X509_set_version(certificate, X509_VERSION_3) != 1 ||
      X509_set_pubkey(certificate, pair.key.get()) != 1 ||
      X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                                 0) != 1 ||
      X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) == nullptr ||
      X509_gmtime_adj(X509_getm_notAfter(certificate), days * kDay) == nullptr) {
    return openssl_failed("make a certificate");
  }
  return pair;
}

Result<Pair> make_authority() {
  const std::string name = fmt::format("Holdfast private CA {}", to_hex(bytes_of(random_bytes(4))));
  ASSIGN_OR_RETURN(Pair pair, begin_certificate(name, kAuthorityDays));
  X509* certificate = pair.certificate.get();
  if (X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) != 1 ||
      !add_extension(certificate, certificate, NID_basic_constraints,
                     "critical,CA:TRUE,pathlen:0") ||
      !add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !add_extension(certificate, certificate, NID_subject_key_identifier, "hash") ||
      X509_sign(certificate, pair.key.get(), EVP_sha256()) == 0) {
    return openssl_failed("make a certificate authority");
  }
  return pair;
}

bool is_address(const std::string& name) {
  boost::system::error_code ec;
  boost::asio::ip::make_address(name, ec);
  return !ec;
}

Result<Pair> make_server(const Pair& authority, const std::vector<std::string>& names) {
  ASSIGN_OR_RETURN(Pair pair, begin_certificate("Holdfast server", kServerDays));
  X509* certificate = pair.certificate.get();
  X509* issuer = authority.certificate.get();
  std::string alternatives;
  for (const std::string& name : names) {
    alternatives +=
        (alternatives.empty() ? "" : ",") + std::string(is_address(name) ? "IP:" : "DNS:") + name;
  }
  if (X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) != 1 ||
      !add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") ||
      !add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature") ||
      !add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth") ||
      !add_extension(certificate, issuer, NID_subject_key_identifier, "hash") ||
      !add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always") ||
      !add_extension(certificate, issuer, NID_subject_alt_name, alternatives) ||
      X509_sign(certificate, authority.key.get(), EVP_sha256()) == 0) {
    return openssl_failed("make the server's certificate");
  }
  return pair;
}

bool still_good(const Pair& server, const Pair& authority, const std::vector<std::string>& names) {
  X509* certificate = server.certificate.get();
  time_t soon = time(nullptr) + kRenewDays * kDay;
  return X509_check_private_key(certificate, server.key.get()) == 1 &&
         X509_verify(certificate, X509_get0_pubkey(authority.certificate.get())) == 1 &&
         X509_cmp_time(X509_get0_notAfter(certificate), &soon) > 0 &&
         std::all_of(names.begin(), names.end(), [&](const std::string& name) {
           return is_address(name) ? X509_check_ip_asc(certificate, name.c_str(), 0) == 1
                                   : X509_check_host(certificate, name.c_str(), 0, 0, nullptr) == 1;
         });
}

// Names go into a certificate through OpenSSL's little language: nothing but names may pass.
Status check_name(const std::string& name) {
  const bool harmless = !name.empty() && name.size() <= 253 &&
                        name.find_first_not_of(
                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                            "0123456789-._:") == std::string::npos;
  if (harmless && (is_address(name) || name.find(':') == std::string::npos)) return {};
  return fail(Code::kInvalidArgument,
              fmt::format("'{}' is neither a host's name nor an address", name));
}

}  // namespace

Result<PrivateCertificate> private_certificate(const std::string& folder,
                                               const std::vector<std::string>& names) {
  for (const std::string& name : names) RETURN_IF_ERROR(check_name(name));
  RETURN_IF_ERROR(make_private_folder(folder));
  const auto file = [&](const char* name) {
    return (std::filesystem::path(folder) / name).string();
  };
  PrivateCertificate out;
  out.authority = file("ca.pem");
  out.files.certificate = file("server.pem");
  out.files.key = file("server.key");

  auto authority = read_pair(out.authority, file("ca.key"));
  if (!authority) {
    if (authority.error().code != Code::kNotFound) return fail(std::move(authority).error());
    ASSIGN_OR_RETURN(authority, make_authority());
    RETURN_IF_ERROR(write_pair(*authority, nullptr, out.authority, file("ca.key")));
    out.new_authority = true;
  }
  const auto server = read_pair(out.files.certificate, out.files.key);
  if (server && still_good(*server, *authority, names)) return out;
  ASSIGN_OR_RETURN(const Pair made, make_server(*authority, names));
  RETURN_IF_ERROR(
      write_pair(made, authority->certificate.get(), out.files.certificate, out.files.key));
  return out;
}

}  // namespace holdfast
