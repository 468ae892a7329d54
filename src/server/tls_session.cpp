#include "server/tls_session.h"

#include <algorithm>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/check.h"
#include "base/crypto.h"

namespace holdfast {

namespace {

constexpr size_t kRecord = 16u << 10;

}  // namespace

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context)
    : context_(std::move(context)),
      ssl_(SSL_new(context_->get())),
      in_(BIO_new(BIO_s_mem())),
      out_(BIO_new(BIO_s_mem())) {
  CHECK(ssl_ != nullptr && in_ != nullptr && out_ != nullptr) << "no memory for a TLS session";
  SSL_set_bio(ssl_, in_, out_);
  SSL_set_accept_state(ssl_);
}

TlsSession::~TlsSession() { SSL_free(ssl_); }

void TlsSession::failed() {
  plain_http_ = ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST && !established_;
  failure_ = openssl_reason();
  ended_ = true;
}

void TlsSession::put(std::string_view network, std::string& plain) {
  char record[kRecord];
  // By pieces, so that what waits in the BIO stays small.
  while (!network.empty() && !ended_) {
    const std::string_view piece = network.substr(0, kRecord);
    network.remove_prefix(piece.size());
    CHECK(BIO_write(in_, piece.data(), static_cast<int>(piece.size())) ==
          static_cast<int>(piece.size()));
    ERR_clear_error();
    if (!established_) {
      const int done = SSL_do_handshake(ssl_);
      if (done == 1) {
        established_ = true;
      } else if (SSL_get_error(ssl_, done) != SSL_ERROR_WANT_READ) {
        return failed();
      } else {
        continue;
      }
    }
    for (;;) {
      ERR_clear_error();
      const int got = SSL_read(ssl_, record, sizeof(record));
      if (got > 0) {
        plain.append(record, static_cast<size_t>(got));
        continue;
      }
      const int error = SSL_get_error(ssl_, got);
      if (error == SSL_ERROR_WANT_READ) break;
      if (error != SSL_ERROR_ZERO_RETURN) return failed();
      ended_ = true;
      return;
    }
  }
}

void TlsSession::write(std::string_view plain) {
  if (!established_ || !failure_.empty()) return;
  while (!plain.empty()) {
    const size_t size = std::min<size_t>(plain.size(), 1u << 30);
    ERR_clear_error();
    // A memory BIO takes everything at once.
    const int written = SSL_write(ssl_, plain.data(), static_cast<int>(size));
    if (written <= 0) return failed();
    plain.remove_prefix(static_cast<size_t>(written));
  }
}

void TlsSession::close() {
  if (!established_ || !failure_.empty()) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

std::string TlsSession::take_output() {
  std::string out(BIO_ctrl_pending(out_), '\0');
  if (!out.empty()) {
    CHECK(BIO_read(out_, out.data(), static_cast<int>(out.size())) == static_cast<int>(out.size()));
  }
  return out;
}

std::string TlsSession::peer_subject() const {
  const X509* certificate = SSL_get0_peer_certificate(ssl_);
  if (!established_ || certificate == nullptr || SSL_get_verify_result(ssl_) != X509_V_OK) {
    return {};
  }
  BIO* text = BIO_new(BIO_s_mem());
  CHECK(text != nullptr);
  X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  std::string subject(BIO_ctrl_pending(text), '\0');
  BIO_read(text, subject.data(), static_cast<int>(subject.size()));
  BIO_free(text);
  return subject;
}

}  // namespace holdfast
