// One session with a token, from finding it to logging out.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#include "base/result.h"
#include "base/secret.h"
#include "seal/token.h"

namespace holdfast::seal {

// What a URI says, parsed.
struct TokenUri {
  std::string text;  // without a PIN
  std::string module_path, pin_source;
  std::string label, id;  // of the key; may be empty
  std::shared_ptr<P11KitUri> parsed;

  // invalid_argument for no URI of PKCS#11, or one with a PIN in it.
  static Result<TokenUri> parse(const std::string& uri);
};

class TokenSession {
 public:
  // Finds the token and logs in.
  static Result<std::unique_ptr<TokenSession>> open(const TokenUri& uri, const Secret& pin);
  ~TokenSession();
  TokenSession(const TokenSession&) = delete;
  TokenSession& operator=(const TokenSession&) = delete;

  // The one key of this class and name.
  Result<CK_OBJECT_HANDLE> find(CK_OBJECT_CLASS kind, const std::string& label,
                                const std::string& id);
  // How many there are.
  Result<std::size_t> count(CK_OBJECT_CLASS kind, const std::string& label, const std::string& id);
  Result<std::string> attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
  Result<bool> flag(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);

  CK_FUNCTION_LIST& module() { return *module_; }
  CK_SESSION_HANDLE handle() const { return session_; }
  tl::unexpected<Error> failed(const std::string& what, CK_RV status) const;

 private:
  explicit TokenSession(const TokenUri& uri) : uri_(uri) {}
  Status load_modules();
  Status open_slot();
  Status login(const Secret& pin);
  Result<std::vector<CK_OBJECT_HANDLE>> all(CK_OBJECT_CLASS kind, const std::string& label,
                                            const std::string& id);

  TokenUri uri_;
  std::vector<CK_FUNCTION_LIST*> modules_;
  CK_FUNCTION_LIST** listed_ = nullptr;  // of p11-kit, where no module is named
  CK_FUNCTION_LIST* module_ = nullptr;
  CK_SLOT_ID slot_ = 0;
  CK_SESSION_HANDLE session_ = 0;
  bool has_session_ = false, logged_in_ = false;
};

// Runs `work` on a thread of its own and waits so long for it: a token that hangs must not hang us.
// `work` owns all that it uses, since it may go on after we have given up (unavailable).
Status within(std::chrono::milliseconds timeout, const std::string& name,
              std::function<Status()> work);

}  // namespace holdfast::seal
