#include "access/issuers.h"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>
#include <sys/stat.h>

#include "base/state_file.h"

namespace holdfast {

namespace json = boost::json;

namespace {

constexpr double kLeeway = 60;  // seconds that clocks may differ

tl::unexpected<Error> refused(std::string message) {
  return fail(Code::kUnauthenticated, std::move(message));
}

std::optional<double> number(const json::object& claims, std::string_view name) {
  const json::value* value = claims.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->to_number<double>();
}

std::string text(const json::object& claims, std::string_view name) {
  const json::value* value = claims.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

// A list of texts, or one text with words.
std::vector<std::string> words(const json::object& claims, std::string_view name) {
  std::vector<std::string> out;
  const json::value* value = claims.if_contains(name);
  if (value == nullptr) return out;
  if (value->is_string()) {
    std::istringstream stream{std::string(value->get_string())};
    for (std::string word; stream >> word;) out.push_back(word);
  } else if (value->is_array()) {
    for (const json::value& item : value->get_array()) {
      if (item.is_string()) out.emplace_back(item.get_string());
    }
  }
  return out;
}

bool is_for(const json::object& claims, const std::string& audience) {
  const json::value* value = claims.if_contains("aud");
  if (value == nullptr) return false;
  if (value->is_string()) return value->get_string() == audience;
  if (!value->is_array()) return false;
  const auto& list = value->get_array();
  return std::any_of(list.begin(), list.end(), [&](const json::value& item) {
    return item.is_string() && item.get_string() == audience;
  });
}

bool is_word(std::string_view name) {
  return !name.empty() && name.size() <= 128 &&
         std::none_of(name.begin(), name.end(),
                      [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}

}  // namespace

Result<Vouched> Issuers::check(const std::vector<Issuer>& issuers, std::string_view token,
                               int64_t now) {
  ASSIGN_OR_RETURN(const Jwt jwt, parse_jwt(token));
  const std::string name = text(jwt.claims, "iss");
  const auto issuer = std::find_if(issuers.begin(), issuers.end(),
                                   [&](const Issuer& one) { return one.issuer == name; });
  if (issuer == issuers.end()) return refused("the token's issuer is not known here");
  const auto keys = keys_of(*issuer);
  if (!keys) return refused(fmt::format("the issuer's keys: {}", keys.error().message));
  RETURN_IF_ERROR(verify_jwt(jwt, **keys, issuer->algorithms));
  // From here on the issuer itself speaks.
  if (!is_for(jwt.claims, issuer->audience)) return refused("the token is for somebody else");
  const auto expires = number(jwt.claims, "exp");
  if (!expires) return refused("the token has no end");
  const auto present = static_cast<double>(now);
  if (!(present < *expires + kLeeway)) return refused("the token has expired");
  if (jwt.claims.contains("nbf")) {
    const auto begins = number(jwt.claims, "nbf");
    if (!begins || present < *begins - kLeeway) return refused("the token is not valid yet");
  }
  Vouched out;
  out.issuer = issuer->issuer;
  out.user = text(jwt.claims, issuer->user_claim);
  if (!is_word(out.user)) {
    return refused(fmt::format("the token's '{}' names nobody", issuer->user_claim));
  }
  if (!issuer->roles_claim.empty()) out.roles = words(jwt.claims, issuer->roles_claim);
  if (!issuer->tenant_claim.empty()) out.tenant = text(jwt.claims, issuer->tenant_claim);
  return out;
}

Status Issuers::check_keys(const std::vector<Issuer>& issuers) {
  for (const Issuer& issuer : issuers) RETURN_IF_ERROR(keys_of(issuer));
  return {};
}

Result<std::shared_ptr<const std::vector<JwtKey>>> Issuers::keys_of(const Issuer& issuer) {
  const std::string& file = issuer.jwks_file;
  struct stat info {};
  const bool there = stat(file.c_str(), &info) == 0;
  const int64_t modified = int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
  const std::lock_guard lock(mutex_);
  Cached& cached = cache_[file];
  if (cached.keys && (!there || (cached.modified == modified &&
                                 cached.size == static_cast<uint64_t>(info.st_size)))) {
    return cached.keys;
  }
  ASSIGN_OR_RETURN(const std::string text, read_small_file(file));
  auto keys = parse_jwks(text);
  if (!keys) {
    // A file that is being written is read again the next time.
    if (cached.keys) return cached.keys;
    keys.error().where = file;
    return fail(std::move(keys).error());
  }
  cached = {std::make_shared<const std::vector<JwtKey>>(std::move(*keys)), modified,
            static_cast<uint64_t>(info.st_size)};
  return cached.keys;
}

}  // namespace holdfast
