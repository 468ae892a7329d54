// What a TLS server needs before the first connection: its certificate, key and rules. Immutable;
// connections share one and keep it when a newer one takes its place.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

struct ssl_ctx_st;

namespace holdfast {

struct TlsFiles {
  std::string certificate, key;             // PEM; the certificate's file may hold its chain
  std::string client_ca;                    // PEM; empty: clients are not asked for certificates
  bool client_certificate_required = true;  // with client_ca
};

class TlsContext {
 public:
  // TLS 1.3 only, its three AEAD suites, no tickets and no early data: every connection makes keys
  // of its own. invalid_argument for files that do not fit together, or a certificate outside its
  // time.
  static Result<std::shared_ptr<const TlsContext>> load(const TlsFiles& files);

  ssl_ctx_st* get() const { return context_.get(); }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  TlsContext() = default;

  std::unique_ptr<ssl_ctx_st, Free> context_;
};

}  // namespace holdfast
