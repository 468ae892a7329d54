// Keys this program holds itself: passphrases and key files.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/digest.h"
#include "base/output_file.h"
#include "seal/key_provider.h"

namespace holdfast::seal {
namespace {

constexpr std::string_view kKeyFileBeginning = "holdfast-key-1 ";
constexpr std::size_t kPassphraseKind = 1, kKeyFileKind = 2;

Wrapped wrap_with(std::span<const uint8_t> key, std::span<const uint8_t> context,
                  std::span<const uint8_t> file_key) {
  CHECK(file_key.size() == kKeyBytes);
  Wrapped out;
  random_fill(out.nonce);
  Aes256Gcm(key).encrypt(out.nonce, context, std::as_bytes(file_key),
                         std::as_writable_bytes(std::span(out.sealed)), out.tag);
  return out;
}

std::optional<Secret> unwrap_with(std::span<const uint8_t> key, std::span<const uint8_t> context,
                                  const Wrapped& wrapped) {
  Secret out(kKeyBytes);
  if (!Aes256Gcm(key).decrypt(wrapped.nonce, context, std::as_bytes(std::span(wrapped.sealed)),
                              wrapped.tag, std::as_writable_bytes(out.bytes())))
    return std::nullopt;
  return out;
}

class PassphraseKey final : public KeyProvider {
 public:
  PassphraseKey(Secret passphrase, std::string name, const Argon2Cost& cost)
      : passphrase_(std::move(passphrase)), name_(std::move(name)), cost_(cost) {}

  const std::string& name() const override { return name_; }
  bool fits(const KeySlot& slot) const override {
    return std::holds_alternative<PassphraseSlot>(slot);
  }

  Result<KeySlot> wrap(const FileId& file, std::span<const uint8_t> file_key) override {
    PassphraseSlot slot;
    slot.cost = cost_;
    random_fill(slot.salt);
    ASSIGN_OR_RETURN(const Secret key, argon2id(passphrase_.bytes(), slot.salt, slot.cost));
    slot.wrapped = wrap_with(key.bytes(), slot_context(file, kPassphraseKind), file_key);
    return slot;
  }

  Result<Secret> unwrap(const FileId& file, const KeySlot& any) override {
    const auto& slot = std::get<PassphraseSlot>(any);
    ASSIGN_OR_RETURN(const Secret key, argon2id(passphrase_.bytes(), slot.salt, slot.cost));
    auto out = unwrap_with(key.bytes(), slot_context(file, kPassphraseKind), slot.wrapped);
    if (!out) return fail(Code::kUnauthenticated, "the passphrase is wrong", name_);
    return std::move(*out);
  }

 private:
  Secret passphrase_;
  std::string name_;
  Argon2Cost cost_;
};

class RawKey final : public KeyProvider {
 public:
  RawKey(Secret key, std::string name) : key_(std::move(key)), name_(std::move(name)) {
    CHECK(key_.size() == kKeyBytes);
    const Digest digest = HmacSha256(key_.bytes()).update("holdfast key id").finish();
    std::copy_n(digest.begin(), id_.size(), id_.begin());
  }

  const std::string& name() const override { return name_; }
  bool fits(const KeySlot& slot) const override {
    const auto* mine = std::get_if<KeyFileSlot>(&slot);
    return mine != nullptr && mine->key_id == id_;
  }

  Result<KeySlot> wrap(const FileId& file, std::span<const uint8_t> file_key) override {
    return KeyFileSlot{id_, wrap_with(key_.bytes(), slot_context(file, kKeyFileKind), file_key)};
  }

  Result<Secret> unwrap(const FileId& file, const KeySlot& any) override {
    auto out = unwrap_with(key_.bytes(), slot_context(file, kKeyFileKind),
                           std::get<KeyFileSlot>(any).wrapped);
    if (!out) return fail(Code::kUnauthenticated, "the key does not open the file", name_);
    return std::move(*out);
  }

 private:
  Secret key_;
  std::string name_;
  std::array<uint8_t, 8> id_{};
};

int digit(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::unique_ptr<KeyProvider> passphrase_key(Secret passphrase, std::string name,
                                            const Argon2Cost& cost) {
  return std::make_unique<PassphraseKey>(std::move(passphrase), std::move(name), cost);
}

std::unique_ptr<KeyProvider> raw_key(Secret key, std::string name) {
  return std::make_unique<RawKey>(std::move(key), std::move(name));
}

Result<std::unique_ptr<KeyProvider>> open_key_file(const std::string& path) {
  ASSIGN_OR_RETURN(const Secret content, read_secret_file(path));
  const auto bad = [&] {
    return fail(Code::kCorrupt, "not a key file of Holdfast", path,
                "Make one with holdfast keys generate");
  };
  if (!content.text().starts_with(kKeyFileBeginning) ||
      content.size() != kKeyFileBeginning.size() + 2 * kKeyBytes)
    return bad();
  Secret key(kKeyBytes);
  for (std::size_t i = 0; i < kKeyBytes; ++i) {
    const auto pair = content.bytes().subspan(kKeyFileBeginning.size() + 2 * i, 2);
    const int high = digit(pair[0]), low = digit(pair[1]);
    if (high < 0 || low < 0) return bad();
    key.bytes()[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return raw_key(std::move(key), path);
}

Status generate_key_file(const std::string& path) {
  const Secret key = Secret::random(kKeyBytes);
  Secret line(kKeyFileBeginning.size() + 2 * kKeyBytes + 1);
  auto* at = std::copy(kKeyFileBeginning.begin(), kKeyFileBeginning.end(), line.bytes().data());
  for (const uint8_t byte : key.bytes()) {
    *at++ = static_cast<uint8_t>("0123456789abcdef"[byte >> 4]);
    *at++ = static_cast<uint8_t>("0123456789abcdef"[byte & 15]);
  }
  *at = '\n';
  ASSIGN_OR_RETURN(auto file, OutputFile::create(path, OutputFile::Existing::kRefuse, 0600));
  RETURN_IF_ERROR(file.write(line.text()));
  return file.finish();
}

Result<Secret> find_file_key(const HeaderBytes& bytes, const Header& header,
                             const KeyProviders& keys, const std::string& file) {
  std::optional<Error> first;
  for (const auto& key : keys) {
    for (const KeySlot& slot : header.slots) {
      if (!key->fits(slot)) continue;
      auto file_key = key->unwrap(header.file_id, slot);
      if (!file_key) {
        if (!first) first = file_key.error();
        continue;
      }
      if (!authentic(bytes, header, file_key->bytes())) {
        return fail(Code::kCorrupt, "the header was changed after it was sealed",
                    file + ", bytes 0 to 4095", "The file is damaged; fetch or restore it again");
      }
      return file_key;
    }
  }
  std::string wanted;
  for (const KeySlot& slot : header.slots)
    wanted += (wanted.empty() ? "" : ", or ") + describe(slot);
  if (first) {
    if (first->where != file) first->where = file + ", " + first->where;
    if (first->hint.empty()) first->hint = "The file opens with " + wanted;
    return fail(std::move(*first));
  }
  return fail(Code::kUnauthenticated,
              keys.empty() ? "the file is sealed and no key was given"
                           : "the file is sealed with another key",
              file, "It opens with " + wanted + ": give --key or --passphrase-file");
}

}  // namespace holdfast::seal
