// API keys at rest. A key is shown once, when it is made; what stays is its HMAC-SHA-256 under a
// key of this server, so that a copy of the database lets nobody in.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "access/database.h"
#include "base/result.h"

namespace holdfast {

struct KeyInfo {
  std::string id;                   // 16 hexadecimal digits; also the readable part of the key
  std::string owner;                // a user of access_control.yaml, or a service's name
  std::vector<std::string> roles;   // instead of the user's own
  std::string tenant;               // likewise
  std::vector<std::string> scopes;  // permissions this key is limited to; empty: none
  std::string note;
  int64_t created = 0;
  int64_t expires = 0;    // seconds since 1970; 0: never
  int64_t revoked = 0;    // 0: it is not
  int64_t last_used = 0;  // 0: never; to the minute
  std::string replaced_by;
};

struct NewKey {
  std::string secret;  // "hfk_ID_…": to be shown once and forgotten
  KeyInfo info;
};

// "hfk_" and what follows: an API key, whether or not it is one of ours.
bool looks_like_key(std::string_view text);
// The readable part, or empty.
std::string key_id_of(std::string_view text);

class KeyStore {
 public:
  // The database FOLDER/holdfast.db and the server's key FOLDER/access.key, made where missing.
  static Result<std::unique_ptr<KeyStore>> open(const std::string& folder);

  // `wanted`: owner, roles, tenant, scopes, note, expires.
  Result<NewKey> create(const KeyInfo& wanted, int64_t now);
  // unauthenticated says why: unknown, expired, revoked.
  Result<KeyInfo> authenticate(std::string_view secret, int64_t now);
  Result<std::vector<KeyInfo>> list();
  Result<KeyInfo> find(const std::string& id);  // not_found
  Status revoke(const std::string& id, int64_t now);
  // A new key in the place of an old one, which stays good for `overlap` seconds.
  Result<NewKey> rotate(const std::string& id, int64_t overlap, int64_t now);
  // On a connection of the caller's own, so that nobody who logs in waits for the disk.
  static Status mark_used(Database& database, const std::string& id, int64_t now);

 private:
  KeyStore(Database database, std::string server_key)
      : database_(std::move(database)), server_key_(std::move(server_key)) {}
  Result<NewKey> insert(const KeyInfo& wanted, int64_t now);

  std::mutex mutex_;
  Database database_;
  std::string server_key_;
};

}  // namespace holdfast
