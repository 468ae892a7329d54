#include "seal/token.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "seal/token_session.h"

namespace holdfast::seal {
namespace {

constexpr std::size_t kTokenKind = 3;
constexpr std::size_t kLongestName = 255;

// What a use of the token needs, all its own: see within().
struct Access {
  TokenUri uri;
  std::string pin_file;

  // The PIN is read anew for each use and not kept.
  Result<std::unique_ptr<TokenSession>> open() const {
    const std::string& path = uri.pin_source.empty() ? pin_file : uri.pin_source;
    Secret pin;
    if (!path.empty()) {
      ASSIGN_OR_RETURN(pin, read_secret_file(path));
    }
    return TokenSession::open(uri, pin);
  }
};

struct Gcm {
  explicit Gcm(const FileId& file, Nonce& nonce) : context(slot_context(file, kTokenKind)) {
    params.pIv = nonce.data();
    params.ulIvLen = nonce.size();
    params.ulIvBits = 8 * nonce.size();
    params.pAAD = context.data();
    params.ulAADLen = context.size();
    params.ulTagBits = 8 * kTagBytes;
  }
  CK_MECHANISM mechanism() { return {CKM_AES_GCM, &params, sizeof params}; }

  std::array<uint8_t, 28> context;
  CK_GCM_PARAMS params{};
};

Result<CK_OBJECT_HANDLE> find_key(TokenSession& session, const std::string& label,
                                  const std::string& id) {
  ASSIGN_OR_RETURN(const auto key, session.find(CKO_SECRET_KEY, label, id));
  ASSIGN_OR_RETURN(const bool sensitive, session.flag(key, CKA_SENSITIVE));
  ASSIGN_OR_RETURN(const bool extractable, session.flag(key, CKA_EXTRACTABLE));
  if (!sensitive || extractable) {
    return fail(Code::kPermissionDenied, "the token's key could be copied out of it", label,
                "Use one that is sensitive and not extractable, as holdfast keys generate makes");
  }
  return key;
}

class TokenKey final : public KeyProvider {
 public:
  TokenKey(Access access, std::chrono::milliseconds timeout)
      : access_(std::move(access)), timeout_(timeout) {}

  const std::string& name() const override { return access_.uri.text; }
  bool fits(const KeySlot& any) const override {
    const auto* slot = std::get_if<TokenSlot>(&any);
    return slot != nullptr && (access_.uri.label.empty() || access_.uri.label == slot->label) &&
           (access_.uri.id.empty() || access_.uri.id == slot->key_id);
  }

  Result<KeySlot> wrap(const FileId& file, std::span<const uint8_t> file_key) override {
    CHECK(file_key.size() == kKeyBytes);
    auto slot = std::make_shared<TokenSlot>();
    auto secret = std::make_shared<Secret>(Secret::copy(file_key));
    RETURN_IF_ERROR(within(timeout_, name(), [access = access_, file, slot, secret] {
      return encrypt(access, file, *secret, *slot);
    }));
    return *slot;
  }

  Result<Secret> unwrap(const FileId& file, const KeySlot& any) override {
    auto out = std::make_shared<Secret>(kKeyBytes);
    RETURN_IF_ERROR(
        within(timeout_, name(), [access = access_, file, slot = std::get<TokenSlot>(any), out] {
          return decrypt(access, file, slot, *out);
        }));
    return std::move(*out);
  }

 private:
  static Status encrypt(const Access& access, const FileId& file, const Secret& secret,
                        TokenSlot& slot) {
    ASSIGN_OR_RETURN(const auto session, access.open());
    ASSIGN_OR_RETURN(const auto key, find_key(*session, access.uri.label, access.uri.id));
    ASSIGN_OR_RETURN(slot.label, session->attribute(key, CKA_LABEL));
    ASSIGN_OR_RETURN(slot.key_id, session->attribute(key, CKA_ID));
    if (slot.label.size() > kLongestName || slot.key_id.size() > kLongestName)
      return fail(Code::kInvalidArgument, "the key's name is too long", access.uri.text);
    random_fill(slot.wrapped.nonce);
    Gcm gcm(file, slot.wrapped.nonce);
    CK_MECHANISM mechanism = gcm.mechanism();
    CK_FUNCTION_LIST& token = session->module();
    CK_RV status = token.C_EncryptInit(session->handle(), &mechanism, key);
    std::array<uint8_t, kKeyBytes + kTagBytes> sealed{};
    CK_ULONG length = sealed.size();
    if (status == CKR_OK) {
      status = token.C_Encrypt(session->handle(), const_cast<uint8_t*>(secret.bytes().data()),
                               secret.size(), sealed.data(), &length);
    }
    if (status != CKR_OK) return session->failed("the token does not encrypt", status);
    if (length != sealed.size())
      return session->failed("the token encrypts in a way of its own", CKR_GENERAL_ERROR);
    std::copy_n(sealed.begin(), kKeyBytes, slot.wrapped.sealed.begin());
    std::copy_n(sealed.begin() + kKeyBytes, kTagBytes, slot.wrapped.tag.begin());
    return {};
  }

  static Status decrypt(const Access& access, const FileId& file, const TokenSlot& slot,
                        Secret& out) {
    ASSIGN_OR_RETURN(const auto session, access.open());
    ASSIGN_OR_RETURN(const auto key, find_key(*session, slot.label, slot.key_id));
    Nonce nonce = slot.wrapped.nonce;
    Gcm gcm(file, nonce);
    CK_MECHANISM mechanism = gcm.mechanism();
    CK_FUNCTION_LIST& token = session->module();
    CK_RV status = token.C_DecryptInit(session->handle(), &mechanism, key);
    std::array<uint8_t, kKeyBytes + kTagBytes> sealed{};
    std::copy(slot.wrapped.sealed.begin(), slot.wrapped.sealed.end(), sealed.begin());
    std::copy(slot.wrapped.tag.begin(), slot.wrapped.tag.end(), sealed.begin() + kKeyBytes);
    Secret plain(sealed.size());  // some tokens want room for as much as they are given
    CK_ULONG length = plain.size();
    if (status == CKR_OK) {
      status = token.C_Decrypt(session->handle(), sealed.data(), sealed.size(),
                               plain.bytes().data(), &length);
      // Tokens disagree on how to say that the tag is wrong.
      if (status == CKR_GENERAL_ERROR || status == CKR_FUNCTION_FAILED ||
          status == CKR_SIGNATURE_INVALID || status == CKR_DATA_INVALID)
        status = CKR_ENCRYPTED_DATA_INVALID;
    }
    if (status != CKR_OK) return session->failed("the token does not decrypt", status);
    if (length != kKeyBytes)
      return session->failed("the token does not decrypt", CKR_ENCRYPTED_DATA_INVALID);
    std::copy_n(plain.bytes().begin(), kKeyBytes, out.bytes().begin());
    return {};
  }

  Access access_;
  std::chrono::milliseconds timeout_;
};

Status generate(const Access& access) {
  const TokenUri& uri = access.uri;
  ASSIGN_OR_RETURN(const auto session, access.open());
  ASSIGN_OR_RETURN(const std::size_t there, session->count(CKO_SECRET_KEY, uri.label, uri.id));
  if (there > 0)
    return fail(Code::kInvalidArgument, "the token has such a key already", uri.text,
                "Choose another object=LABEL");
  CK_MECHANISM mechanism{CKM_AES_KEY_GEN, nullptr, 0};
  CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
  CK_ULONG length = kKeyBytes;
  std::string label = uri.label, id = uri.id;
  if (id.empty()) {
    id.resize(8);
    random_fill({reinterpret_cast<uint8_t*>(id.data()), id.size()});
  }
  std::vector<CK_ATTRIBUTE> wanted{
      {CKA_TOKEN, &yes, sizeof yes},           {CKA_PRIVATE, &yes, sizeof yes},
      {CKA_SENSITIVE, &yes, sizeof yes},       {CKA_EXTRACTABLE, &no, sizeof no},
      {CKA_ENCRYPT, &yes, sizeof yes},         {CKA_DECRYPT, &yes, sizeof yes},
      {CKA_VALUE_LEN, &length, sizeof length}, {CKA_LABEL, label.data(), label.size()},
      {CKA_ID, id.data(), id.size()}};
  CK_OBJECT_HANDLE key = 0;
  const CK_RV status = session->module().C_GenerateKey(session->handle(), &mechanism, wanted.data(),
                                                       wanted.size(), &key);
  if (status != CKR_OK) return session->failed("the token makes no key", status);
  return {};
}

}  // namespace

Result<std::unique_ptr<KeyProvider>> token_key(const TokenOptions& options) {
  ASSIGN_OR_RETURN(TokenUri uri, TokenUri::parse(options.uri));
  return std::make_unique<TokenKey>(Access{std::move(uri), options.pin_file}, options.timeout);
}

Status generate_token_key(const TokenOptions& options) {
  ASSIGN_OR_RETURN(TokenUri uri, TokenUri::parse(options.uri));
  if (uri.label.empty() || uri.label.size() > kLongestName) {
    return fail(Code::kInvalidArgument, "the URI does not name the new key", uri.text,
                "Add object=LABEL");
  }
  std::string name = uri.text;
  return within(options.timeout, name,
                [access = Access{std::move(uri), options.pin_file}] { return generate(access); });
}

}  // namespace holdfast::seal
