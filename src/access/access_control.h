// Who is there, may they, and is there some left: all that the server asks about its callers.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <variant>

#include "access/attempts.h"
#include "access/caller.h"
#include "access/issuers.h"
#include "access/key_store.h"
#include "access/policy.h"
#include "access/usage_book.h"

namespace holdfast {

// What a request shows of its sender.
struct Credentials {
  std::string_view authorization;        // the header's value; empty: none
  std::string_view certificate_subject;  // of a verified client certificate; empty: none
  std::string_view peer;                 // the address it comes from
};

struct AuthenticationFailure {
  std::string message;
  bool nothing_shown = false;  // no credential at all
  int64_t retry_after = 0;     // seconds; above 0: too many failures from there
};

// A caller's place among the running requests. Gives it back when it goes; charges as it is told.
class Admission {
 public:
  Admission() = default;
  Admission(Admission&&) noexcept;
  Admission& operator=(Admission&&) noexcept;
  ~Admission();
  // Totals of this request so far: the difference to the last call is charged.
  void charge(int64_t tokens, int64_t reasoning_tokens);

 private:
  friend class AccessControl;
  UsageBook* book_ = nullptr;
  std::function<int64_t()> clock_;
  std::vector<std::string> subjects_;
  int64_t tokens_ = 0, reasoning_tokens_ = 0;
};

// Thread-safe. Reads the database on the caller's thread, writes it on its own.
class AccessControl {
 public:
  using Clock = std::function<int64_t()>;  // seconds since 1970

  struct Options {
    std::string folder;       // of the state
    std::string policy_file;  // empty: the standard policy
    Clock clock;              // empty: the system's
  };
  static Result<std::unique_ptr<AccessControl>> open(Options options);
  ~AccessControl();

  std::variant<Caller, AuthenticationFailure> authenticate(const Credentials& credentials);
  // A place for one request, or why there is none. `this` must outlive it.
  std::variant<Admission, QuotaRefusal> admit(const Caller& caller);
  // Somebody who was here before, by the policy of now; nobody when the key it was known by is no
  // longer good.
  std::optional<Caller> recall(const std::string& name, const std::string& tenant,
                               const std::vector<std::string>& roles,
                               const std::vector<std::string>& scopes,
                               const std::string& credential);
  // What is left of the limit that this caller meets first: its own or its tenant's. None: no
  // limit.
  std::optional<Allowance> allowance(const Caller& caller, Measure measure);
  // Reads the policy again. When it is wrong, nothing changes.
  Status reload();

  KeyStore& keys() { return *keys_; }
  std::shared_ptr<const AccessPolicy> policy() const;

 private:
  explicit AccessControl(Options options) : options_(std::move(options)) {}
  Status start();

  struct Failed {
    std::string message;
    std::string credential;  // its harmless part, for the record
  };
  std::variant<Caller, Failed> by_key(const AccessPolicy& policy, std::string_view secret);
  std::variant<Caller, Failed> by_certificate(const AccessPolicy& policy,
                                              std::string_view subject) const;
  std::variant<Caller, Failed> by_token(const AccessPolicy& policy, std::string_view token);
  struct Limited {
    std::string subject, who;  // as in UsageBook::enter
    const Quota& quota;        // the caller's
  };
  static std::vector<Limited> limits_of(const Caller& caller);
  static Caller make_caller(const AccessPolicy& policy, std::string name, std::string tenant,
                            std::vector<std::string> roles);
  void later(std::function<Status(Database&)> write);
  void write_until_closed();

  Options options_;
  std::unique_ptr<KeyStore> keys_;
  UsageBook usage_;
  Attempts attempts_;
  Issuers issuers_;
  mutable std::mutex policy_mutex_;
  std::shared_ptr<const AccessPolicy> policy_;

  // The writer: one thread, one connection.
  std::optional<Database> database_;
  std::mutex writer_mutex_;
  std::condition_variable writer_wakes_;
  std::deque<std::function<Status(Database&)>> writes_;
  std::map<std::string, int64_t> last_used_;
  bool closing_ = false;
  std::thread writer_;
};

// Failed attempts that were recorded, newest first.
struct RecordedFailure {
  int64_t time = 0;
  std::string peer, credential, reason;
};
Result<std::vector<RecordedFailure>> recorded_failures(const std::string& folder, int64_t most);

}  // namespace holdfast
