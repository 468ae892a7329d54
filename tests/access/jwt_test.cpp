#include "access/jwt.h"

#include <filesystem>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "access/issuers.h"
#include "base/state_file.h"

namespace holdfast {
namespace {

namespace json = boost::json;

const std::vector<std::string> kAll = {"RS256", "ES256", "EdDSA"};

// RFC 7515, appendix A.3: signed with ES256.
TEST(Jwt, TheExampleOfTheRfc) {
  const auto keys = parse_jwks(R"({"keys":[{"kty":"EC","crv":"P-256",
      "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
      "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})");
  ASSERT_TRUE(keys);
  const auto token = parse_jwt(
      "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLm"
      "NvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmW"
      "QxfKTUJqPP3-Kg6NU1Q");
  ASSERT_TRUE(token);
  EXPECT_TRUE(verify_jwt(*token, *keys, kAll));
  EXPECT_FALSE(verify_jwt(*token, *keys, {"RS256"}));
}

// RFC 8037, appendix A.4 signs another payload form; its key, A.2, is read all the same.
TEST(Jwt, KeysAreReadOrLeftOut) {
  EXPECT_TRUE(parse_jwks(R"({"keys":[{"kty":"OKP","crv":"Ed25519",
      "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})"));
  for (const char* none : {
           "",
           "[]",
           "{}",
           R"({"keys":{}})",
           R"({"keys":[]})",
           R"({"keys":[1,{}]})",
           R"({"keys":[{"kty":"oct","k":"AAAA"}]})",
           // Not on the curve.
           R"({"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
               "y":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}]})",
           R"({"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]})",
       }) {
    EXPECT_FALSE(parse_jwks(none)) << none;
  }
}

// Made by PyJWT and by hand: see tests/golden/access/make_tokens.py.
TEST(Jwt, TokensAndAttacks) {
  const auto text =
      read_small_file(HOLDFAST_SOURCE_DIR "/tests/golden/access/tokens.json", 4u << 20);
  ASSERT_TRUE(text);
  const json::object golden = json::parse(*text).as_object();
  const std::string folder = testing::TempDir() + "jwt_test";
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(make_private_folder(folder));
  const std::string file = folder + "/jwks.json";
  ASSERT_TRUE(write_state_file(file, json::serialize(golden.at("jwks")), Access::kOwner));

  Issuer issuer;
  issuer.issuer = "https://id.example";
  issuer.audience = "holdfast";
  issuer.jwks_file = file;
  issuer.roles_claim = "roles";
  issuer.algorithms = kAll;
  Issuers issuers;
  const int64_t now = golden.at("now").as_int64();
  for (const json::value& value : golden.at("cases").as_array()) {
    const json::object& one = value.as_object();
    const std::string name(one.at("name").as_string());
    const std::string verdict(one.at("verdict").as_string());
    const auto vouched = issuers.check({issuer}, std::string(one.at("token").as_string()), now);
    EXPECT_EQ(vouched ? "ok" : vouched.error().message, verdict) << name;
    if (!vouched) continue;
    EXPECT_EQ(vouched->user, "anna") << name;
    const json::value* roles = one.if_contains("roles");
    EXPECT_EQ(vouched->roles.size(), roles != nullptr ? roles->as_array().size() : 1u) << name;
  }

  // Keys are followed when the file changes; a broken file leaves those that were good.
  const std::string good(golden.at("cases").at(0).at("token").as_string());
  EXPECT_TRUE(issuers.check({issuer}, good, now));
  ASSERT_TRUE(write_state_file(file, "{", Access::kOwner));
  EXPECT_TRUE(issuers.check({issuer}, good, now));
  ASSERT_TRUE(write_state_file(file, R"({"keys":[{"kty":"OKP","crv":"Ed25519",
      "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})",
                               Access::kOwner));
  EXPECT_FALSE(issuers.check({issuer}, good, now));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace holdfast
