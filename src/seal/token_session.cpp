#include "seal/token_session.h"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>

namespace holdfast::seal {
namespace {

struct Meaning {
  CK_RV status;
  Code code;
  const char* text;
  const char* hint;
};
constexpr Meaning kMeanings[] = {
    {CKR_PIN_INCORRECT, Code::kUnauthenticated, "the PIN is wrong",
     "Tokens lock themselves after a few wrong PINs"},
    {CKR_PIN_LEN_RANGE, Code::kUnauthenticated, "the PIN is wrong (its length)", ""},
    {CKR_PIN_INVALID, Code::kUnauthenticated, "the PIN is wrong", ""},
    {CKR_PIN_LOCKED, Code::kPermissionDenied, "the PIN is locked after too many wrong ones",
     "The token's security officer can unlock it"},
    {CKR_PIN_EXPIRED, Code::kPermissionDenied, "the PIN has expired", ""},
    {CKR_TOKEN_NOT_PRESENT, Code::kUnavailable, "the token was removed", "Insert it again"},
    {CKR_DEVICE_REMOVED, Code::kUnavailable, "the token was removed", "Insert it again"},
    {CKR_DEVICE_ERROR, Code::kUnavailable, "the token is out of order", ""},
    {CKR_DEVICE_MEMORY, Code::kResourceExhausted, "the token has no memory left", ""},
    {CKR_SESSION_HANDLE_INVALID, Code::kUnavailable, "the token closed the session", ""},
    {CKR_SESSION_CLOSED, Code::kUnavailable, "the token closed the session", ""},
    {CKR_SESSION_COUNT, Code::kResourceExhausted, "the token has no session left", ""},
    {CKR_GENERAL_ERROR, Code::kUnavailable, "the token is out of order", ""},
    {CKR_FUNCTION_FAILED, Code::kUnavailable, "the token is out of order", ""},
    {CKR_MECHANISM_INVALID, Code::kUnimplemented, "the token cannot do this", ""},
    {CKR_ENCRYPTED_DATA_INVALID, Code::kUnauthenticated, "the key does not open the file", ""},
    {CKR_ENCRYPTED_DATA_LEN_RANGE, Code::kUnauthenticated, "the key does not open the file", ""},
};

constexpr CK_ULONG kMostFound = 16;

std::string value_of(P11KitUri* uri, CK_ATTRIBUTE_TYPE type) {
  const CK_ATTRIBUTE* found = p11_kit_uri_get_attribute(uri, type);
  if (found == nullptr || found->pValue == nullptr) return "";
  return std::string(static_cast<const char*>(found->pValue), found->ulValueLen);
}

}  // namespace

Result<TokenUri> TokenUri::parse(const std::string& text) {
  TokenUri out;
  out.text = text.substr(0, text.find('?'));
  out.parsed = std::shared_ptr<P11KitUri>(p11_kit_uri_new(), p11_kit_uri_free);
  P11KitUri* const uri = out.parsed.get();
  if (p11_kit_uri_parse(text.c_str(), P11_KIT_URI_FOR_ANY, uri) != P11_KIT_URI_OK) {
    return fail(Code::kInvalidArgument, "not a URI of PKCS#11", out.text,
                "pkcs11:token=NAME;object=KEY?module-path=/path/to/module.so");
  }
  if (p11_kit_uri_get_pin_value(uri) != nullptr) {
    return fail(Code::kInvalidArgument,
                "the URI has a PIN in it, which everybody on this machine "
                "can see while the command runs",
                out.text, "Put the PIN into a file: pin-source=file:PATH, or --pin-file");
  }
  if (const char* path = p11_kit_uri_get_module_path(uri)) out.module_path = path;
  if (const char* source = p11_kit_uri_get_pin_source(uri)) out.pin_source = source;
  if (out.pin_source.starts_with("file:")) out.pin_source.erase(0, 5);
  if (out.pin_source.starts_with("//")) out.pin_source.erase(0, 2);
  out.label = value_of(uri, CKA_LABEL);
  out.id = value_of(uri, CKA_ID);
  return out;
}

tl::unexpected<Error> TokenSession::failed(const std::string& what, CK_RV status) const {
  for (const Meaning& meaning : kMeanings) {
    if (meaning.status == status)
      return fail(meaning.code, fmt::format("{}: {}", what, meaning.text), uri_.text, meaning.hint);
  }
  return fail(Code::kUnavailable, fmt::format("{}: the token answered {:#x}", what, status),
              uri_.text);
}

Result<std::unique_ptr<TokenSession>> TokenSession::open(const TokenUri& uri, const Secret& pin) {
  std::unique_ptr<TokenSession> session(new TokenSession(uri));
  RETURN_IF_ERROR(session->load_modules());
  RETURN_IF_ERROR(session->open_slot());
  RETURN_IF_ERROR(session->login(pin));
  return session;
}

TokenSession::~TokenSession() {
  if (logged_in_) module_->C_Logout(session_);
  if (has_session_) module_->C_CloseSession(session_);
  if (listed_ != nullptr) p11_kit_modules_finalize_and_release(listed_);
  if (listed_ == nullptr) {
    for (CK_FUNCTION_LIST* module : modules_) {
      p11_kit_module_finalize(module);
      p11_kit_module_release(module);
    }
  }
}

Status TokenSession::load_modules() {
  if (uri_.module_path.empty()) {
    listed_ = p11_kit_modules_load_and_initialize(0);
    for (CK_FUNCTION_LIST** at = listed_; at != nullptr && *at != nullptr; ++at)
      modules_.push_back(*at);
    if (modules_.empty()) {
      return fail(Code::kNotFound, "p11-kit knows no module", uri_.text,
                  "Name the token's module: ?module-path=/path/to/module.so");
    }
    return {};
  }
  CK_FUNCTION_LIST* module = p11_kit_module_load(uri_.module_path.c_str(), P11_KIT_MODULE_CRITICAL);
  if (module == nullptr) {
    const char* reason = p11_kit_message();
    return fail(Code::kNotFound,
                fmt::format("the token's module cannot be loaded{}{}",
                            reason != nullptr ? ": " : "", reason != nullptr ? reason : ""),
                uri_.module_path);
  }
  if (const CK_RV status = p11_kit_module_initialize(module); status != CKR_OK) {
    p11_kit_module_release(module);
    return failed("the token's module does not start", status);
  }
  modules_.push_back(module);
  return {};
}

Status TokenSession::open_slot() {
  for (CK_FUNCTION_LIST* module : modules_) {
    CK_ULONG count = 0;
    if (module->C_GetSlotList(CK_TRUE, nullptr, &count) != CKR_OK) continue;
    std::vector<CK_SLOT_ID> slots(count);
    if (count == 0 || module->C_GetSlotList(CK_TRUE, slots.data(), &count) != CKR_OK) continue;
    slots.resize(std::min<std::size_t>(slots.size(), count));
    for (const CK_SLOT_ID slot : slots) {
      CK_TOKEN_INFO info{};
      if (module->C_GetTokenInfo(slot, &info) != CKR_OK) continue;
      if ((info.flags & CKF_TOKEN_INITIALIZED) == 0) continue;
      if (p11_kit_uri_match_token_info(uri_.parsed.get(), &info) == 0) continue;
      module_ = module;
      slot_ = slot;
      const CK_RV status = module->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr,
                                                 nullptr, &session_);
      if (status != CKR_OK) return failed("no session with the token", status);
      has_session_ = true;
      return {};
    }
  }
  return fail(Code::kUnavailable, "the token is not there", uri_.text,
              "Insert it, or correct the URI (pkcs11-tool --list-slots shows tokens)");
}

Status TokenSession::login(const Secret& pin) {
  if (pin.empty()) return {};
  // PKCS#11 takes the PIN without const and does not change it.
  const CK_RV status = module_->C_Login(session_, CKU_USER,
                                        const_cast<unsigned char*>(pin.bytes().data()), pin.size());
  if (status == CKR_USER_ALREADY_LOGGED_IN) return {};
  if (status != CKR_OK) return failed("no login to the token", status);
  logged_in_ = true;
  return {};
}

Result<std::vector<CK_OBJECT_HANDLE>> TokenSession::all(CK_OBJECT_CLASS kind,
                                                        const std::string& label,
                                                        const std::string& id) {
  std::vector<CK_ATTRIBUTE> wanted{{CKA_CLASS, &kind, sizeof kind}};
  if (!label.empty()) wanted.push_back({CKA_LABEL, const_cast<char*>(label.data()), label.size()});
  if (!id.empty()) wanted.push_back({CKA_ID, const_cast<char*>(id.data()), id.size()});
  CK_RV status = module_->C_FindObjectsInit(session_, wanted.data(), wanted.size());
  if (status != CKR_OK) return failed("the token does not look for keys", status);
  std::vector<CK_OBJECT_HANDLE> found(kMostFound);
  CK_ULONG count = 0;
  status = module_->C_FindObjects(session_, found.data(), kMostFound, &count);
  module_->C_FindObjectsFinal(session_);
  if (status != CKR_OK) return failed("the token does not look for keys", status);
  found.resize(std::min(count, kMostFound));
  return found;
}

Result<std::size_t> TokenSession::count(CK_OBJECT_CLASS kind, const std::string& label,
                                        const std::string& id) {
  ASSIGN_OR_RETURN(const auto found, all(kind, label, id));
  return found.size();
}

Result<CK_OBJECT_HANDLE> TokenSession::find(CK_OBJECT_CLASS kind, const std::string& label,
                                            const std::string& id) {
  ASSIGN_OR_RETURN(const auto found, all(kind, label, id));
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return fail(Code::kNotFound, fmt::format("the token has no key '{}'", label), uri_.text,
                "Name one that it has (pkcs11-tool --list-objects), or make one with holdfast keys "
                "generate");
  }
  return fail(Code::kInvalidArgument, "the token has several such keys", uri_.text,
              "Say which by object=LABEL and id=%01");
}

Result<std::string> TokenSession::attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  CK_ATTRIBUTE wanted{type, nullptr, 0};
  CK_RV status = module_->C_GetAttributeValue(session_, object, &wanted, 1);
  if (status != CKR_OK || wanted.ulValueLen > 65536)
    return failed("the token does not tell an attribute", status);
  std::string value(wanted.ulValueLen, '\0');
  wanted.pValue = value.data();
  if (!value.empty()) status = module_->C_GetAttributeValue(session_, object, &wanted, 1);
  if (status != CKR_OK) return failed("the token does not tell an attribute", status);
  return value;
}

Result<bool> TokenSession::flag(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  CK_BBOOL value = CK_FALSE;
  CK_ATTRIBUTE wanted{type, &value, sizeof value};
  const CK_RV status = module_->C_GetAttributeValue(session_, object, &wanted, 1);
  if (status != CKR_OK) return failed("the token does not tell an attribute", status);
  return value != CK_FALSE;
}

Status within(std::chrono::milliseconds timeout, const std::string& name,
              std::function<Status()> work) {
  struct Shared {
    std::mutex mutex;
    std::condition_variable done;
    bool finished = false;
    Status status;
  };
  auto shared = std::make_shared<Shared>();
  std::thread worker([shared, work = std::move(work)] {
    Status status = work();
    const std::lock_guard lock(shared->mutex);
    shared->status = std::move(status);
    shared->finished = true;
    shared->done.notify_all();
  });
  std::unique_lock lock(shared->mutex);
  if (!shared->done.wait_for(lock, timeout, [&] { return shared->finished; })) {
    worker.detach();
    return fail(Code::kUnavailable,
                fmt::format("the token did not answer within {} s", timeout.count() / 1000.0), name,
                "Try again when it is less busy, or wait longer with --token-timeout");
  }
  lock.unlock();
  worker.join();  // what the token's library keeps for the thread goes before the library may
  return std::move(shared->status);
}

}  // namespace holdfast::seal
