#include "access/access_control.h"

#include <chrono>
#include <filesystem>

#include <fmt/format.h>

#include "base/log.h"

namespace holdfast {

namespace {

constexpr auto kFlushEvery = std::chrono::seconds(1);
constexpr size_t kMaxWaitingWrites = 10'000;
constexpr int64_t kKeptFailures = 100'000;

constexpr char kFailures[] =
    "CREATE TABLE IF NOT EXISTS failed_attempts (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, "
    "peer TEXT NOT NULL, credential TEXT NOT NULL, reason TEXT NOT NULL) STRICT";

int64_t system_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string database_file(const std::string& folder) {
  return (std::filesystem::path(folder) / "holdfast.db").string();
}

bool is_bearer(std::string_view text) {
  constexpr std::string_view kBearer = "bearer ";
  if (text.size() <= kBearer.size()) return false;
  for (size_t i = 0; i < kBearer.size(); ++i) {
    if ((text[i] | 0x20) != kBearer[i]) return false;
  }
  return true;
}

Status record_failure(Database& database, int64_t time, const std::string& peer,
                      const std::string& credential, const std::string& reason) {
  ASSIGN_OR_RETURN(Statement insert,
                   database.prepare("INSERT INTO failed_attempts (time, peer, credential, reason) "
                                    "VALUES (?,?,?,?)"));
  RETURN_IF_ERROR(insert.bind(time).bind(peer).bind(credential).bind(reason).run());
  ASSIGN_OR_RETURN(Statement trim, database.prepare("DELETE FROM failed_attempts WHERE id <= "
                                                    "(SELECT max(id) FROM failed_attempts) - ?"));
  return trim.bind(kKeptFailures).run();
}

}  // namespace

Admission::Admission(Admission&& other) noexcept
    : book_(std::exchange(other.book_, nullptr)),
      clock_(std::move(other.clock_)),
      subjects_(std::move(other.subjects_)),
      tokens_(other.tokens_),
      reasoning_tokens_(other.reasoning_tokens_) {}

Admission& Admission::operator=(Admission&& other) noexcept {
  std::swap(book_, other.book_);
  std::swap(clock_, other.clock_);
  std::swap(subjects_, other.subjects_);
  std::swap(tokens_, other.tokens_);
  std::swap(reasoning_tokens_, other.reasoning_tokens_);
  return *this;
}

Admission::~Admission() {
  if (book_ == nullptr) return;
  for (const std::string& subject : subjects_) book_->release(subject);
}

void Admission::charge(int64_t tokens, int64_t reasoning_tokens) {
  if (book_ == nullptr || (tokens <= tokens_ && reasoning_tokens <= reasoning_tokens_)) return;
  const int64_t now = clock_();
  for (const std::string& subject : subjects_) {
    book_->add(subject, Measure::kTokens, tokens - tokens_, now);
    book_->add(subject, Measure::kReasoningTokens, reasoning_tokens - reasoning_tokens_, now);
  }
  tokens_ = std::max(tokens, tokens_);
  reasoning_tokens_ = std::max(reasoning_tokens, reasoning_tokens_);
}

Result<std::unique_ptr<AccessControl>> AccessControl::open(Options options) {
  if (!options.clock) options.clock = system_seconds;
  std::unique_ptr<AccessControl> made(new AccessControl(std::move(options)));
  RETURN_IF_ERROR(made->start());
  return made;
}

Status AccessControl::start() {
  RETURN_IF_ERROR(reload());
  ASSIGN_OR_RETURN(keys_, KeyStore::open(options_.folder));
  ASSIGN_OR_RETURN(database_, Database::open(database_file(options_.folder)));
  RETURN_IF_ERROR(database_->run(kFailures));
  RETURN_IF_ERROR(usage_.load(*database_));
  writer_ = std::thread([this] { write_until_closed(); });
  return {};
}

AccessControl::~AccessControl() {
  {
    const std::lock_guard lock(writer_mutex_);
    closing_ = true;
    writer_wakes_.notify_all();
  }
  if (writer_.joinable()) writer_.join();
}

Status AccessControl::reload() {
  AccessPolicy policy = AccessPolicy::standard();
  if (!options_.policy_file.empty()) {
    ASSIGN_OR_RETURN(policy, AccessPolicy::load(options_.policy_file));
  }
  RETURN_IF_ERROR(issuers_.check_keys(policy.issuers));
  const std::lock_guard lock(policy_mutex_);
  policy_ = std::make_shared<const AccessPolicy>(std::move(policy));
  return {};
}

std::shared_ptr<const AccessPolicy> AccessControl::policy() const {
  const std::lock_guard lock(policy_mutex_);
  return policy_;
}

Caller AccessControl::make_caller(const AccessPolicy& policy, std::string name, std::string tenant,
                                  std::vector<std::string> roles) {
  Caller caller;
  caller.name = std::move(name);
  caller.tenant = std::move(tenant);
  caller.roles = std::move(roles);
  caller.grants = policy.grants(caller.roles, caller.tenant, caller.name);
  if (const auto found = policy.tenants.find(caller.tenant); found != policy.tenants.end()) {
    caller.tenant_quota = found->second.rules.quota;
    caller.tenant_weight = found->second.weight;
  }
  return caller;
}

std::variant<Caller, AccessControl::Failed> AccessControl::by_key(const AccessPolicy& policy,
                                                                  std::string_view secret) {
  const int64_t now = options_.clock();
  const auto key = keys_->authenticate(secret, now);
  if (!key) return Failed{key.error().message, "key " + key_id_of(secret)};
  std::vector<std::string> roles = key->roles;
  std::string tenant = key->tenant;
  if (const auto user = policy.users.find(key->owner); user != policy.users.end()) {
    if (roles.empty()) roles = user->second.roles;
    if (tenant.empty()) tenant = user->second.tenant;
  }
  Caller caller = make_caller(policy, key->owner, std::move(tenant), std::move(roles));
  caller.credential = "key " + key->id;
  caller.scopes = key->scopes;
  if (now - key->last_used >= 60) {
    const std::lock_guard lock(writer_mutex_);
    last_used_[key->id] = now;
  }
  return caller;
}

std::variant<Caller, AccessControl::Failed> AccessControl::by_certificate(
    const AccessPolicy& policy, std::string_view subject) const {
  std::string name;
  const User* user = policy.find_user_of_certificate(subject, name);
  if (user == nullptr) {
    return Failed{fmt::format("the certificate of '{}' belongs to no user here", subject),
                  fmt::format("certificate {}", subject.substr(0, 200))};
  }
  Caller caller = make_caller(policy, name, user->tenant, user->roles);
  caller.credential = "certificate";
  return caller;
}

std::variant<Caller, AccessControl::Failed> AccessControl::by_token(const AccessPolicy& policy,
                                                                    std::string_view token) {
  auto vouched = issuers_.check(policy.issuers, token, options_.clock());
  if (!vouched) return Failed{vouched.error().message, "token"};
  // What the policy says of a user holds whoever vouches for them; the issuer may add roles.
  if (const auto user = policy.users.find(vouched->user); user != policy.users.end()) {
    vouched->roles.insert(vouched->roles.end(), user->second.roles.begin(),
                          user->second.roles.end());
    if (!user->second.tenant.empty()) vouched->tenant = user->second.tenant;
  }
  Caller caller = make_caller(policy, std::move(vouched->user), std::move(vouched->tenant),
                              std::move(vouched->roles));
  caller.credential = "token of " + vouched->issuer;
  return caller;
}

std::variant<Caller, AuthenticationFailure> AccessControl::authenticate(
    const Credentials& credentials) {
  const auto policy = this->policy();
  std::variant<Caller, Failed> outcome;
  if (!credentials.authorization.empty()) {
    if (!is_bearer(credentials.authorization)) {
      outcome = Failed{"the Authorization field is not 'Bearer KEY'", "none"};
    } else {
      const std::string_view shown = credentials.authorization.substr(7);
      const bool token = !looks_like_key(shown) && shown.find('.') != std::string_view::npos;
      outcome = token ? by_token(*policy, shown) : by_key(*policy, shown);
    }
  } else if (!credentials.certificate_subject.empty()) {
    outcome = by_certificate(*policy, credentials.certificate_subject);
  } else {
    // Clients often ask before they are asked for a key: no attempt at anything.
    return AuthenticationFailure{"this server wants a key: send 'Authorization: Bearer KEY'", true,
                                 0};
  }
  if (auto* caller = std::get_if<Caller>(&outcome)) return std::move(*caller);

  const Failed& failed = std::get<Failed>(outcome);
  const int64_t now = options_.clock();
  const std::string peer(credentials.peer);
  const Attempts::Verdict verdict = attempts_.fail(peer, now);
  if (verdict.record) {
    const std::string reason = verdict.retry_after > 0
                                   ? "too many failures; more of them are not recorded"
                                   : failed.message;
    spdlog::warn("refused {} from {}: {}", failed.credential, peer, reason);
    later([now, peer, credential = failed.credential, reason](Database& database) {
      return record_failure(database, now, peer, credential, reason);
    });
  }
  return AuthenticationFailure{failed.message, false, verdict.retry_after};
}

std::vector<AccessControl::Limited> AccessControl::limits_of(const Caller& caller) {
  std::vector<Limited> limits;
  limits.push_back({"user/" + caller.tenant + "/" + caller.name, caller.name, caller.grants.quota});
  if (!caller.tenant.empty()) {
    limits.push_back(
        {"tenant/" + caller.tenant, fmt::format("tenant {}", caller.tenant), caller.tenant_quota});
  }
  return limits;
}

std::optional<Caller> AccessControl::recall(const std::string& name, const std::string& tenant,
                                            const std::vector<std::string>& roles,
                                            const std::vector<std::string>& scopes,
                                            const std::string& credential) {
  constexpr std::string_view kKey = "key ";
  if (credential.starts_with(kKey)) {
    const auto key = keys_->find(credential.substr(kKey.size()));
    const int64_t now = options_.clock();
    if (!key || (key->revoked != 0 && key->revoked <= now) ||
        (key->expires != 0 && key->expires <= now)) {
      return std::nullopt;
    }
  }
  Caller caller = make_caller(*policy(), name, tenant, roles);
  caller.credential = credential;
  caller.scopes = scopes;
  return caller;
}

std::optional<Allowance> AccessControl::allowance(const Caller& caller, Measure measure) {
  std::optional<Allowance> least;
  for (const Limited& limit : limits_of(caller)) {
    least = scarcer(least, usage_.allowance(limit.subject, measure, limit.quota, options_.clock()));
  }
  return least;
}

std::variant<Admission, QuotaRefusal> AccessControl::admit(const Caller& caller) {
  const int64_t now = options_.clock();
  Admission admission;
  admission.book_ = &usage_;
  admission.clock_ = options_.clock;
  for (const Limited& limit : limits_of(caller)) {
    auto refusal = usage_.enter(limit.subject, limit.who, limit.quota, now);
    if (!refusal) {
      admission.subjects_.push_back(limit.subject);
      continue;
    }
    for (const std::string& entered : admission.subjects_) usage_.undo(entered, now);
    admission.subjects_.clear();
    return std::move(*refusal);
  }
  return admission;
}

void AccessControl::later(std::function<Status(Database&)> write) {
  const std::lock_guard lock(writer_mutex_);
  if (writes_.size() < kMaxWaitingWrites) writes_.push_back(std::move(write));
}

void AccessControl::write_until_closed() {
  bool complained = false;
  for (bool last = false; !last;) {
    std::deque<std::function<Status(Database&)>> writes;
    std::map<std::string, int64_t> last_used;
    {
      std::unique_lock lock(writer_mutex_);
      writer_wakes_.wait_for(lock, kFlushEvery, [this] { return closing_; });
      last = closing_;
      writes.swap(writes_);
      last_used.swap(last_used_);
    }
    Status status = usage_.flush(*database_);
    for (const auto& write : writes) {
      if (const Status one = write(*database_); !one) status = one;
    }
    for (const auto& [id, time] : last_used) {
      if (const Status one = KeyStore::mark_used(*database_, id, time); !one) status = one;
    }
    if (!status && !complained) spdlog::error("{}", to_string(status.error()));
    complained = !status;
  }
}

Result<std::vector<RecordedFailure>> recorded_failures(const std::string& folder, int64_t most) {
  ASSIGN_OR_RETURN(Database database, Database::open(database_file(folder)));
  RETURN_IF_ERROR(database.run(kFailures));
  ASSIGN_OR_RETURN(Statement row,
                   database.prepare("SELECT time, peer, credential, reason FROM failed_attempts "
                                    "ORDER BY id DESC LIMIT ?"));
  row.bind(most);
  std::vector<RecordedFailure> out;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, row.step());
    if (!more) return out;
    out.push_back({row.integer(0), row.text(1), row.text(2), row.text(3)});
  }
}

}  // namespace holdfast
