// A JWT, and behind a NUL byte a JWKS document: nothing made up of bytes is ever vouched for.
#include <cstdint>
#include <string_view>

#include "access/jwt.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::string_view text = all.substr(0, all.find('\0'));
  const auto token = parse_jwt(text);
  const auto keys = parse_jwks(text.size() < all.size() ? all.substr(text.size() + 1) : "");
  if (!token) CHECK(!token.error().message.empty());
  if (token && keys) (void)verify_jwt(*token, *keys, {"RS256", "ES256", "EdDSA"});
  return 0;
}
