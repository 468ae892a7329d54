// JSON Web Tokens (RFC 7515, 7519) and the public keys that check them (RFC 7517), as far as an
// identity provider on site needs them: signed, by RS256, ES256 or EdDSA over Ed25519. The key says
// which algorithm it is for; the token's own word only has to agree, so "none" and keys of one kind
// used as another have no way in.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/result.h"

struct evp_pkey_st;

namespace holdfast {

enum class JwtAlgorithm { kRs256, kEs256, kEdDsa };
std::string_view jwt_algorithm_name(JwtAlgorithm algorithm);

struct Jwt {
  std::string algorithm;  // as the token says
  std::string key_id;     // may be empty
  boost::json::object claims;
  std::string signed_part, signature;
};

// Its parts, which nobody has vouched for yet. unauthenticated says what is wrong.
Result<Jwt> parse_jwt(std::string_view text);

struct JwtKey {
  std::string id;  // may be empty
  JwtAlgorithm algorithm = JwtAlgorithm::kRs256;
  std::shared_ptr<evp_pkey_st> key;
};

// The keys of a JWKS document that can check signatures; those for other uses, of other kinds, or
// too weak (RSA below 2048 bits) are left out. invalid_argument when it is no JWKS, or none is
// left.
Result<std::vector<JwtKey>> parse_jwks(std::string_view json);

// Does one of the keys that `algorithms` (names) allow vouch for the token?
Status verify_jwt(const Jwt& token, const std::vector<JwtKey>& keys,
                  const std::vector<std::string>& algorithms);

}  // namespace holdfast
