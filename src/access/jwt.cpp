#include "access/jwt.h"

#include <algorithm>
#include <array>

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/base64.h"
#include "base/crypto.h"

namespace holdfast {

namespace json = boost::json;

namespace {

constexpr size_t kMaxToken = 16u << 10;
constexpr size_t kMaxModulus = 1024, kMinModulus = 256;  // bytes: RSA of 2048 to 8192 bits
constexpr size_t kCoordinate = 32;                       // of P-256 and Ed25519

tl::unexpected<Error> wrong_token(std::string message) {
  return fail(Code::kUnauthenticated, std::move(message));
}

Result<json::object> parse_object(std::string_view text) {
  json::parse_options options;
  options.max_depth = 16;
  json::error_code ec;
  json::value value;
  try {
    value = json::parse({text.data(), text.size()}, ec, {}, options);
  } catch (const std::exception& failure) {
    return fail(Code::kInvalidArgument, failure.what());
  }
  if (ec || !value.is_object()) {
    return fail(Code::kInvalidArgument, ec ? ec.message() : "it is no object");
  }
  return std::move(value.get_object());
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string bytes_field(const json::object& object, std::string_view name) {
  return from_base64url(text_of(object, name)).value_or("");
}

std::shared_ptr<EVP_PKEY> own(EVP_PKEY* key) { return {key, EVP_PKEY_free}; }

std::shared_ptr<EVP_PKEY> key_from(const char* type, OSSL_PARAM* parameters) {
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr);
  EVP_PKEY* key = nullptr;
  if (context == nullptr || parameters == nullptr || EVP_PKEY_fromdata_init(context) != 1 ||
      EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
    key = nullptr;
  }
  EVP_PKEY_CTX_free(context);
  return own(key);
}

std::shared_ptr<EVP_PKEY> rsa_key(std::string n, const std::string& e) {
  n.erase(0, n.find_first_not_of('\0'));
  if (n.size() < kMinModulus || n.size() > kMaxModulus || e.empty() || e.size() > 8) return {};
  const auto number = [](const std::string& bytes) {
    return BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                     static_cast<int>(bytes.size()), nullptr);
  };
  BIGNUM* modulus = number(n);
  BIGNUM* exponent = number(e);
  OSSL_PARAM_BLD* builder = OSSL_PARAM_BLD_new();
  OSSL_PARAM* parameters = nullptr;
  if (modulus != nullptr && exponent != nullptr && builder != nullptr && BN_is_odd(modulus) &&
      BN_is_odd(exponent) && !BN_is_one(exponent) &&
      OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
      OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1) {
    parameters = OSSL_PARAM_BLD_to_param(builder);
  }
  auto key = key_from("RSA", parameters);
  OSSL_PARAM_free(parameters);
  OSSL_PARAM_BLD_free(builder);
  BN_free(modulus);
  BN_free(exponent);
  return key;
}

std::shared_ptr<EVP_PKEY> p256_key(const std::string& x, const std::string& y) {
  if (x.size() != kCoordinate || y.size() != kCoordinate) return {};
  std::string point = "\x04" + x + y;
  char group[] = "P-256";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  return key_from("EC", parameters);  // checks that the point is on the curve
}

std::shared_ptr<EVP_PKEY> ed25519_key(const std::string& x) {
  if (x.size() != kCoordinate) return {};
  return own(EVP_PKEY_new_raw_public_key(
      EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(x.data()), x.size()));
}

// Nothing for a key that is for something else.
JwtKey read_key(const json::object& jwk) {
  JwtKey out;
  out.id = text_of(jwk, "kid");
  const std::string use = text_of(jwk, "use");
  if (!use.empty() && use != "sig") return out;
  const std::string type = text_of(jwk, "kty");
  const std::string curve = text_of(jwk, "crv");
  if (type == "RSA") {
    out.algorithm = JwtAlgorithm::kRs256;
    out.key = rsa_key(bytes_field(jwk, "n"), bytes_field(jwk, "e"));
  } else if (type == "EC" && curve == "P-256") {
    out.algorithm = JwtAlgorithm::kEs256;
    out.key = p256_key(bytes_field(jwk, "x"), bytes_field(jwk, "y"));
  } else if (type == "OKP" && curve == "Ed25519") {
    out.algorithm = JwtAlgorithm::kEdDsa;
    out.key = ed25519_key(bytes_field(jwk, "x"));
  }
  const std::string algorithm = text_of(jwk, "alg");
  if (!algorithm.empty() && algorithm != jwt_algorithm_name(out.algorithm)) out.key.reset();
  return out;
}

// ES256 signs with r and s side by side (RFC 7518, section 3.4); OpenSSL wants them in DER.
std::string der_of(const std::string& signature) {
  if (signature.size() != 2 * kCoordinate) return {};
  const auto* bytes = reinterpret_cast<const unsigned char*>(signature.data());
  ECDSA_SIG* pair = ECDSA_SIG_new();
  BIGNUM* r = BN_bin2bn(bytes, kCoordinate, nullptr);
  BIGNUM* s = BN_bin2bn(bytes + kCoordinate, kCoordinate, nullptr);
  std::string out;
  if (pair == nullptr || r == nullptr || s == nullptr || ECDSA_SIG_set0(pair, r, s) != 1) {
    BN_free(r);
    BN_free(s);
  } else if (const int size = i2d_ECDSA_SIG(pair, nullptr); size > 0) {
    out.resize(static_cast<size_t>(size));
    auto* end = reinterpret_cast<unsigned char*>(out.data());
    i2d_ECDSA_SIG(pair, &end);
  }
  ECDSA_SIG_free(pair);
  return out;
}

bool signature_holds(const Jwt& token, const JwtKey& key) {
  const EVP_MD* digest = key.algorithm == JwtAlgorithm::kEdDsa ? nullptr : EVP_sha256();
  const std::string signature =
      key.algorithm == JwtAlgorithm::kEs256 ? der_of(token.signature) : token.signature;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const bool holds =
      context != nullptr && !signature.empty() &&
      EVP_DigestVerifyInit(context, nullptr, digest, nullptr, key.key.get()) == 1 &&
      EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()),
                       signature.size(),
                       reinterpret_cast<const unsigned char*>(token.signed_part.data()),
                       token.signed_part.size()) == 1;
  EVP_MD_CTX_free(context);
  openssl_reason();  // a wrong signature leaves errors behind
  return holds;
}

}  // namespace

std::string_view jwt_algorithm_name(JwtAlgorithm algorithm) {
  switch (algorithm) {
    case JwtAlgorithm::kRs256:
      return "RS256";
    case JwtAlgorithm::kEs256:
      return "ES256";
    case JwtAlgorithm::kEdDsa:
      return "EdDSA";
  }
  return "";
}

Result<Jwt> parse_jwt(std::string_view text) {
  if (text.size() > kMaxToken) return wrong_token("the token is too long");
  const size_t first = text.find('.');
  const size_t second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos || text.find('.', second + 1) != std::string_view::npos) {
    return wrong_token("the token has not three parts");
  }
  const auto header = from_base64url(text.substr(0, first));
  const auto payload = from_base64url(text.substr(first + 1, second - first - 1));
  auto signature = from_base64url(text.substr(second + 1));
  if (!header || !payload || !signature) return wrong_token("the token is not base64url");
  const auto fields = parse_object(*header);
  auto claims = parse_object(*payload);
  if (!fields || !claims) return wrong_token("the token's parts are no JSON objects");
  if (fields->contains("crit")) return wrong_token("the token demands extensions");
  Jwt token;
  token.algorithm = text_of(*fields, "alg");
  token.key_id = text_of(*fields, "kid");
  token.claims = std::move(*claims);
  token.signed_part = text.substr(0, second);
  token.signature = std::move(*signature);
  return token;
}

Result<std::vector<JwtKey>> parse_jwks(std::string_view text) {
  const auto document = parse_object(text);
  const json::value* keys = document ? document->if_contains("keys") : nullptr;
  if (keys == nullptr || !keys->is_array()) {
    return fail(Code::kInvalidArgument, "this is no JWKS document");
  }
  std::vector<JwtKey> out;
  for (const json::value& jwk : keys->get_array()) {
    if (!jwk.is_object()) continue;
    JwtKey key = read_key(jwk.get_object());
    if (key.key) out.push_back(std::move(key));
  }
  openssl_reason();
  if (out.empty()) {
    return fail(Code::kInvalidArgument, "the JWKS document holds no key for signatures", {},
                "RSA of 2048 bits or more, EC over P-256 and Ed25519 are taken");
  }
  return out;
}

Status verify_jwt(const Jwt& token, const std::vector<JwtKey>& keys,
                  const std::vector<std::string>& algorithms) {
  if (std::find(algorithms.begin(), algorithms.end(), token.algorithm) == algorithms.end()) {
    return wrong_token("the token's algorithm is not taken here");
  }
  bool known = false;
  for (const JwtKey& key : keys) {
    if (jwt_algorithm_name(key.algorithm) != token.algorithm) continue;
    if (!token.key_id.empty() && key.id != token.key_id) continue;
    known = true;
    if (signature_holds(token, key)) return {};
  }
  return wrong_token(known ? "the token's signature is wrong" : "the token's key is not known");
}

}  // namespace holdfast
