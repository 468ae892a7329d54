// A certificate for a server that was given none: signed by a private authority, made once and kept
// in the server's own folder.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "server/tls_context.h"

namespace holdfast {

struct PrivateCertificate {
  TlsFiles files;
  std::string authority;  // the file that clients are to trust
  bool new_authority = false;
};

// FOLDER/ca.pem, ca.key, server.pem and server.key: made where they are missing. A server
// certificate that ends within 30 days, or lacks one of `names` (host names and addresses), is made
// again. ECDSA over P-256.
Result<PrivateCertificate> private_certificate(const std::string& folder,
                                               const std::vector<std::string>& names);

}  // namespace holdfast
