#include "server/tls_context.h"

#include <string_view>

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include "base/crypto.h"
#include "base/log.h"

namespace holdfast {

namespace {

constexpr char kSuites[] =
    "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
constexpr char kGroups[] = "X25519:P-256:P-384";
constexpr unsigned char kAlpn[] = "\x08http/1.1";

// Clients that name protocols must name ours (RFC 7301, section 3.2).
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  unsigned char* chosen = nullptr;
  const int found =
      SSL_select_next_proto(&chosen, out_size, kAlpn, sizeof(kAlpn) - 1, offered, offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// A server that asks for a pass phrase on its terminal never starts.
int no_passphrase(char*, int, int, void*) { return 0; }

tl::unexpected<Error> wrong_file(std::string_view what, const std::string& path) {
  return fail(Code::kInvalidArgument, fmt::format("{}: {}", what, openssl_reason()), path);
}

Status check_time(const X509* certificate, const std::string& path) {
  if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) {
    return fail(Code::kInvalidArgument, "the certificate is not valid yet", path,
                "look at this machine's clock");
  }
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
    return fail(Code::kInvalidArgument, "the certificate has expired", path, "renew it");
  }
  return {};
}

void warn_of_readable_key(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) == 0 && (info.st_mode & S_IROTH) != 0) {
    spdlog::warn("{}: everybody on this machine may read this key", path);
  }
}

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const TlsFiles& files) {
  const std::shared_ptr<TlsContext> made(new TlsContext);
  made->context_.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = made->get();
  if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_ciphersuites(context, kSuites) != 1 ||
      SSL_CTX_set1_groups_list(context, kGroups) != 1) {
    return fail(Code::kUnavailable, fmt::format("OpenSSL offers no TLS 1.3: {}", openssl_reason()));
  }
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_default_passwd_cb(context, no_passphrase);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);

  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
    return wrong_file("this is no certificate in PEM", files.certificate);
  }
  RETURN_IF_ERROR(check_time(SSL_CTX_get0_certificate(context), files.certificate));
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return wrong_file("this is no key of that certificate, in PEM and without a pass phrase",
                      files.key);
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return wrong_file("the key does not belong to the certificate", files.key);
  }
  warn_of_readable_key(files.key);

  if (!files.client_ca.empty()) {
    STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(files.client_ca.c_str());
    if (names == nullptr || SSL_CTX_load_verify_file(context, files.client_ca.c_str()) != 1) {
      sk_X509_NAME_pop_free(names, X509_NAME_free);
      return wrong_file("this is no certificate in PEM", files.client_ca);
    }
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(
        context,
        SSL_VERIFY_PEER | (files.client_certificate_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
        nullptr);
    SSL_CTX_set_verify_depth(context, 4);
  }
  return std::shared_ptr<const TlsContext>(made);
}

}  // namespace holdfast
