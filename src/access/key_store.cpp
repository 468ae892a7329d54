#include "access/key_store.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/crypto.h"
#include "base/state_file.h"

namespace holdfast {

namespace {

constexpr std::string_view kPrefix = "hfk_";
constexpr size_t kIdSize = 16, kSecretSize = 43;
constexpr size_t kServerKeySize = 32;

constexpr char kTable[] =
    "CREATE TABLE IF NOT EXISTS api_keys (id TEXT PRIMARY KEY, mac BLOB NOT NULL, owner TEXT NOT "
    "NULL, roles TEXT NOT NULL, tenant TEXT NOT NULL, scopes TEXT NOT NULL, note TEXT NOT NULL, "
    "created INTEGER NOT NULL, expires INTEGER NOT NULL, revoked INTEGER NOT NULL, last_used "
    "INTEGER NOT NULL, replaced_by TEXT NOT NULL) STRICT, WITHOUT ROWID";
constexpr char kSelect[] =
    "SELECT id, owner, roles, tenant, scopes, note, created, expires, revoked, last_used, "
    "replaced_by, mac FROM api_keys";

std::string join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::vector<std::string> split(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> out;
  for (std::string word; stream >> word;) out.push_back(word);
  return out;
}

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 128 &&
         std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}

KeyInfo row_of(const Statement& row) {
  KeyInfo info;
  info.id = row.text(0);
  info.owner = row.text(1);
  info.roles = split(row.text(2));
  info.tenant = row.text(3);
  info.scopes = split(row.text(4));
  info.note = row.text(5);
  info.created = row.integer(6);
  info.expires = row.integer(7);
  info.revoked = row.integer(8);
  info.last_used = row.integer(9);
  info.replaced_by = row.text(10);
  return info;
}

Result<std::string> server_key(const std::string& path) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file >= 0) {
    const std::string key = random_bytes(kServerKeySize);
    const bool written =
        write(file, key.data(), key.size()) == static_cast<ssize_t>(key.size()) && fsync(file) == 0;
    close(file);
    if (!written) {
      unlink(path.c_str());
      return fail(Code::kUnavailable, "cannot write the server's key", path);
    }
  }
  ASSIGN_OR_RETURN(std::string key, read_small_file(path));
  if (key.size() != kServerKeySize) {
    return fail(Code::kCorrupt,
                fmt::format("the server's key has {} bytes, not {}", key.size(), kServerKeySize),
                path,
                "without it no API key can be checked: restore it, or remove it and make new "
                "keys");
  }
  return key;
}

}  // namespace

bool looks_like_key(std::string_view text) { return text.starts_with(kPrefix); }

std::string key_id_of(std::string_view text) {
  if (text.size() != kPrefix.size() + kIdSize + 1 + kSecretSize || !looks_like_key(text) ||
      text[kPrefix.size() + kIdSize] != '_') {
    return {};
  }
  const std::string_view id = text.substr(kPrefix.size(), kIdSize);
  return from_hex(id) ? std::string(id) : std::string();
}

Result<std::unique_ptr<KeyStore>> KeyStore::open(const std::string& folder) {
  RETURN_IF_ERROR(make_private_folder(folder));
  const std::filesystem::path home(folder);
  ASSIGN_OR_RETURN(std::string key, server_key((home / "access.key").string()));
  ASSIGN_OR_RETURN(Database database, Database::open((home / "holdfast.db").string()));
  RETURN_IF_ERROR(database.run(kTable));
  return std::unique_ptr<KeyStore>(new KeyStore(std::move(database), std::move(key)));
}

Result<NewKey> KeyStore::create(const KeyInfo& wanted, int64_t now) {
  const std::lock_guard lock(mutex_);
  return insert(wanted, now);
}

Result<NewKey> KeyStore::insert(const KeyInfo& wanted, int64_t now) {
  if (!is_word(wanted.owner)) {
    return fail(Code::kInvalidArgument, "a key's owner is one word of at most 128 bytes",
                wanted.owner);
  }
  for (const auto* words : {&wanted.roles, &wanted.scopes}) {
    for (const std::string& word : *words) {
      if (!is_word(word)) return fail(Code::kInvalidArgument, "this is not one word", word);
    }
  }
  NewKey made;
  made.info = wanted;
  made.info.id = to_hex(bytes_of(random_bytes(kIdSize / 2)));
  made.info.created = now;
  made.info.revoked = made.info.last_used = 0;
  made.info.replaced_by.clear();
  made.secret = fmt::format("{}{}_{}", kPrefix, made.info.id, to_base64url(random_bytes(32)));
  const Digest mac = hmac_sha256(server_key_, made.secret);
  ASSIGN_OR_RETURN(Statement statement,
                   database_.prepare("INSERT INTO api_keys (id, mac, owner, roles, tenant, scopes, "
                                     "note, created, expires, revoked, last_used, replaced_by) "
                                     "VALUES (?,?,?,?,?,?,?,?,?,0,0,'')"));
  statement.bind(made.info.id).bind_bytes(bytes_of(mac)).bind(wanted.owner);
  statement.bind(join(wanted.roles)).bind(wanted.tenant).bind(join(wanted.scopes));
  statement.bind(wanted.note).bind(now).bind(wanted.expires);
  RETURN_IF_ERROR(statement.run());
  return made;
}

Result<KeyInfo> KeyStore::authenticate(std::string_view secret, int64_t now) {
  const Digest mac = hmac_sha256(server_key_, secret);
  const std::string id = key_id_of(secret);
  if (id.empty()) return fail(Code::kUnauthenticated, "this is no key of this server");
  const std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Statement row, database_.prepare(std::string(kSelect) + " WHERE id = ?"));
  row.bind(id);
  ASSIGN_OR_RETURN(const bool found, row.step());
  if (!found || !equal_secrets(row.text(11), bytes_of(mac))) {
    return fail(Code::kUnauthenticated, "this is no key of this server");
  }
  KeyInfo info = row_of(row);
  if (info.revoked != 0) return fail(Code::kUnauthenticated, "this key was revoked");
  if (info.expires != 0 && info.expires <= now) {
    return fail(Code::kUnauthenticated, "this key has expired");
  }
  return info;
}

Result<std::vector<KeyInfo>> KeyStore::list() {
  const std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Statement row,
                   database_.prepare(std::string(kSelect) + " ORDER BY created, id"));
  std::vector<KeyInfo> out;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, row.step());
    if (!more) return out;
    out.push_back(row_of(row));
  }
}

Result<KeyInfo> KeyStore::find(const std::string& id) {
  const std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Statement row, database_.prepare(std::string(kSelect) + " WHERE id = ?"));
  row.bind(id);
  ASSIGN_OR_RETURN(const bool found, row.step());
  if (!found) {
    return fail(Code::kNotFound, fmt::format("there is no key '{}'", id), {},
                "'holdfast access key list' shows them");
  }
  return row_of(row);
}

Status KeyStore::revoke(const std::string& id, int64_t now) {
  const std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(
      Statement statement,
      database_.prepare("UPDATE api_keys SET revoked = ? WHERE id = ? AND revoked = 0"));
  RETURN_IF_ERROR(statement.bind(now).bind(id).run());
  if (database_.changes() == 1) return {};
  return fail(Code::kNotFound, fmt::format("there is no key '{}' that could be revoked", id));
}

Result<NewKey> KeyStore::rotate(const std::string& id, int64_t overlap, int64_t now) {
  ASSIGN_OR_RETURN(KeyInfo old, find(id));
  if (old.revoked != 0 || (old.expires != 0 && old.expires <= now) || !old.replaced_by.empty()) {
    return fail(Code::kInvalidArgument,
                fmt::format("key '{}' is revoked, expired or replaced already", id));
  }
  // The new key lives as long as the old one was meant to.
  KeyInfo wanted = old;
  if (old.expires != 0) wanted.expires = now + (old.expires - old.created);
  const std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(database_.run("BEGIN IMMEDIATE"));
  const auto replace = [&]() -> Result<NewKey> {
    ASSIGN_OR_RETURN(NewKey made, insert(wanted, now));
    ASSIGN_OR_RETURN(
        Statement statement,
        database_.prepare("UPDATE api_keys SET replaced_by = ?, expires = CASE WHEN "
                          "expires = 0 THEN ?2 ELSE min(expires, ?2) END WHERE id = ?3 "
                          "AND revoked = 0 AND replaced_by = ''"));
    RETURN_IF_ERROR(statement.bind(made.info.id).bind(now + overlap).bind(id).run());
    if (database_.changes() != 1) {
      return fail(Code::kInvalidArgument, fmt::format("key '{}' has just changed", id));
    }
    return made;
  };
  auto made = replace();
  const Status ended = database_.run(made ? "COMMIT" : "ROLLBACK");
  if (made && !ended) return fail(ended.error());
  return made;
}

Status KeyStore::mark_used(Database& database, const std::string& id, int64_t now) {
  ASSIGN_OR_RETURN(Statement statement,
                   database.prepare("UPDATE api_keys SET last_used = ? WHERE id = ?"));
  return statement.bind(now).bind(id).run();
}

}  // namespace holdfast
