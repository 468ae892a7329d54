#include "access/access_control.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/crypto.h"
#include "base/state_file.h"

namespace holdfast {
namespace {

class AccessTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "access_test_" +
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
  }
  void TearDown() override {
    access_.reset();
    std::filesystem::remove_all(folder_);
  }
  void open(std::string_view policy = {}) {
    access_.reset();
    AccessControl::Options options;
    options.folder = folder_;
    options.clock = [this] { return now_; };
    if (!policy.empty()) {
      ASSERT_TRUE(make_private_folder(folder_));
      options.policy_file = folder_ + "/access_control.yaml";
      ASSERT_TRUE(write_state_file(options.policy_file, policy, Access::kOwner));
    }
    auto access = AccessControl::open(std::move(options));
    ASSERT_TRUE(access) << to_string(access.error());
    access_ = std::move(*access);
  }
  NewKey make_key(const std::string& owner, std::vector<std::string> roles,
                  std::vector<std::string> scopes = {}, int64_t expires = 0) {
    KeyInfo wanted;
    wanted.owner = owner;
    wanted.roles = std::move(roles);
    wanted.scopes = std::move(scopes);
    wanted.expires = expires;
    auto made = access_->keys().create(wanted, now_);
    EXPECT_TRUE(made) << to_string(made.error());
    return *made;
  }
  // The caller's name, or why there is none.
  std::string log_in(const std::string& secret, const std::string& peer = "192.0.2.1") {
    const std::string field = "Bearer " + secret;
    auto who = access_->authenticate({.authorization = field, .peer = peer});
    if (auto* caller = std::get_if<Caller>(&who)) return caller->name;
    return "(" + std::get<AuthenticationFailure>(who).message + ")";
  }
  Caller caller(const std::string& secret) {
    const std::string field = "Bearer " + secret;
    return std::get<Caller>(access_->authenticate({.authorization = field, .peer = "192.0.2.1"}));
  }
  std::string refusal(std::variant<Admission, QuotaRefusal> admitted) {
    auto* refused = std::get_if<QuotaRefusal>(&admitted);
    return refused == nullptr ? "" : refused->message;
  }

  std::string folder_;
  int64_t now_ = 1'790'000'000;
  std::unique_ptr<AccessControl> access_;
};

TEST_F(AccessTest, KeysComeAndGo) {
  open();
  const NewKey key = make_key("anna", {"user"}, {}, now_ + 100);
  EXPECT_TRUE(key.secret.starts_with("hfk_" + key.info.id + "_"));
  EXPECT_EQ(log_in(key.secret), "anna");
  EXPECT_TRUE(caller(key.secret).may("model:read"));
  EXPECT_FALSE(caller(key.secret).may("access:manage"));

  std::string wrong = key.secret;
  wrong.back() = wrong.back() == 'A' ? 'B' : 'A';
  EXPECT_EQ(log_in(wrong), "(this is no key of this server)");
  EXPECT_EQ(log_in(key.secret + "A"), "(this is no key of this server)");
  EXPECT_EQ(log_in("hfk_"), "(this is no key of this server)");
  EXPECT_EQ(log_in("none"), "(this is no key of this server)");

  now_ += 99;
  EXPECT_EQ(log_in(key.secret), "anna");
  now_ += 1;
  EXPECT_EQ(log_in(key.secret), "(this key has expired)");

  const NewKey second = make_key("anna", {"user"});
  ASSERT_TRUE(access_->keys().revoke(second.info.id, now_));
  EXPECT_EQ(log_in(second.secret), "(this key was revoked)");
  EXPECT_FALSE(access_->keys().revoke(second.info.id, now_));
}

TEST_F(AccessTest, RotationOverlaps) {
  open();
  const NewKey old = make_key("anna", {"user"}, {"model:list"});
  const auto fresh = access_->keys().rotate(old.info.id, 3600, now_);
  ASSERT_TRUE(fresh) << to_string(fresh.error());
  EXPECT_EQ(log_in(old.secret), "anna");
  EXPECT_EQ(log_in(fresh->secret), "anna");
  EXPECT_FALSE(caller(fresh->secret).may("model:read"));
  EXPECT_FALSE(access_->keys().rotate(old.info.id, 3600, now_)) << "twice";
  now_ += 3600;
  EXPECT_EQ(log_in(old.secret), "(this key has expired)");
  EXPECT_EQ(log_in(fresh->secret), "anna");
}

TEST_F(AccessTest, NoSecretIsOnTheDisk) {
  open();
  const NewKey key = make_key("anna", {"user"});
  EXPECT_EQ(log_in(key.secret), "anna");
  access_.reset();
  const std::string secret = key.secret.substr(key.secret.size() - 43);
  const std::string raw = *from_base64url(secret);
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string all((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(all.find(secret), std::string::npos) << entry.path();
    EXPECT_EQ(all.find(raw), std::string::npos) << entry.path();
    const auto rights = entry.status().permissions();
    EXPECT_EQ(rights & std::filesystem::perms::others_all, std::filesystem::perms::none);
    EXPECT_EQ(rights & std::filesystem::perms::group_all, std::filesystem::perms::none);
  }
  // Another server's key opens nothing.
  ASSERT_TRUE(write_state_file(folder_ + "/access.key", std::string(32, 'k'), Access::kOwner));
  open();
  EXPECT_EQ(log_in(key.secret), "(this is no key of this server)");
}

TEST_F(AccessTest, ScopesAndPoliciesLimitKeys) {
  open("roles: {scientist: [model:read, model:fine_tune]}\nusers: {anna: {roles: [scientist]}}\n");
  EXPECT_TRUE(caller(make_key("anna", {}).secret).may("model:fine_tune"));
  const Caller limited = caller(make_key("anna", {}, {"model:read"}).secret);
  EXPECT_TRUE(limited.may("model:list"));
  EXPECT_FALSE(limited.may("model:fine_tune"));
  EXPECT_FALSE(caller(make_key("anna", {"admin"}).secret).may("model:read")) << "no such role";
  EXPECT_FALSE(caller(make_key("bob", {}).secret).may("model:read"));
}

TEST_F(AccessTest, CertificatesNameUsers) {
  open("roles: {a: [model:read]}\nusers: {anna: {roles: [a], certificates: ['CN=anna']}}\n");
  auto who = access_->authenticate({.certificate_subject = "CN=anna", .peer = "192.0.2.1"});
  ASSERT_TRUE(std::holds_alternative<Caller>(who));
  EXPECT_EQ(std::get<Caller>(who).name, "anna");
  who = access_->authenticate({.certificate_subject = "CN=anna2", .peer = "192.0.2.1"});
  EXPECT_TRUE(std::holds_alternative<AuthenticationFailure>(who));
}

TEST_F(AccessTest, FailuresAreLimitedAndRecorded) {
  open();
  const NewKey key = make_key("anna", {"user"});
  const auto fail_from = [&](std::string_view peer) {
    return std::get<AuthenticationFailure>(
        access_->authenticate({.authorization = "Bearer hfk_wrong", .peer = peer}));
  };
  for (int i = 0; i < Attempts::kPerMinute; ++i) EXPECT_EQ(fail_from("192.0.2.1").retry_after, 0);
  EXPECT_GT(fail_from("192.0.2.1").retry_after, 0);
  EXPECT_EQ(fail_from("192.0.2.2").retry_after, 0);
  EXPECT_EQ(log_in(key.secret), "anna") << "a stranger cannot lock others out";
  for (int i = 0; i < 200; ++i) fail_from("2001:db8::" + std::to_string(i));
  EXPECT_GT(fail_from("2001:db8::ffff").retry_after, 0) << "one network";
  now_ += 60;
  EXPECT_EQ(fail_from("192.0.2.1").retry_after, 0);
  // Nothing shown is no attempt.
  for (int i = 0; i < 100; ++i) {
    const auto who = access_->authenticate({.peer = "192.0.2.3"});
    EXPECT_EQ(std::get<AuthenticationFailure>(who).retry_after, 0);
  }
  access_.reset();  // writes
  const auto recorded = recorded_failures(folder_, 1000);
  ASSERT_TRUE(recorded);
  EXPECT_EQ(recorded->size(), 2u * (Attempts::kPerMinute + 1) + 2);
  EXPECT_EQ(recorded->front().peer, "192.0.2.1");
  for (const auto& one : *recorded) EXPECT_EQ(one.credential.find("wrong"), std::string::npos);
}

constexpr char kLimited[] = R"(
roles:
  a:
    permissions: [model:read]
    quotas:
      requests: {per_minute: 2, per_day: 5}
      tokens: {per_day: 100}
      reasoning_tokens: {per_month: 50}
      concurrency: 2
tenants: {heart: {quotas: {tokens: {per_day: 150}}}}
users:
  anna: {roles: [a], tenant: heart}
  bert: {roles: [a], tenant: heart}
)";

TEST_F(AccessTest, QuotasHoldAndAreKeptOverRestarts) {
  open(kLimited);
  now_ = now_ - now_ % 86400 + 30;
  const NewKey key = make_key("anna", {});
  const Caller anna = caller(key.secret);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(refusal(access_->admit(anna)), "");
  EXPECT_EQ(refusal(access_->admit(anna)), "anna has used 2 of 2 requests this minute");
  const auto refused = std::get<QuotaRefusal>(access_->admit(anna));
  EXPECT_EQ(refused.retry_after, 30);
  now_ += 60;
  {
    auto admitted = access_->admit(anna);
    std::get<Admission>(admitted).charge(60, 10);
    std::get<Admission>(admitted).charge(99, 20);
  }
  now_ += 60;
  EXPECT_EQ(refusal(access_->admit(anna)), "");
  {
    auto admitted = access_->admit(anna);
    std::get<Admission>(admitted).charge(1, 0);
  }
  now_ += 60;
  open(kLimited);
  EXPECT_EQ(refusal(access_->admit(caller(key.secret))),
            "anna has used 100 of 100 tokens this day");
  now_ += 86400;
  {
    auto admitted = access_->admit(anna);
    std::get<Admission>(admitted).charge(50, 30);
  }
  now_ += 60;
  EXPECT_EQ(refusal(access_->admit(anna)), "anna has used 50 of 50 reasoning tokens this month");
}

TEST_F(AccessTest, TenantsShareTheirQuotaAndPlacesAreGivenBack) {
  open(kLimited);
  const Caller anna = caller(make_key("anna", {}).secret);
  const Caller bert = caller(make_key("bert", {}).secret);
  {
    auto admitted = access_->admit(anna);
    std::get<Admission>(admitted).charge(90, 0);
  }
  {
    auto admitted = access_->admit(bert);
    std::get<Admission>(admitted).charge(60, 0);
  }
  now_ += 60;
  EXPECT_EQ(refusal(access_->admit(anna)), "tenant heart has used 150 of 150 tokens this day");
  now_ += 86400;
  auto first = access_->admit(anna);
  auto second = access_->admit(anna);
  EXPECT_EQ(refusal(access_->admit(anna)), "anna has 2 of 2 requests running at once");
  first = QuotaRefusal{};
  now_ += 60;
  EXPECT_EQ(refusal(access_->admit(anna)), "");
}

TEST_F(AccessTest, WindowsAreTheCalendars) {
  const int64_t leap_day = 1'709'164'800;                   // 2024-02-29T00:00:00Z
  EXPECT_EQ(window_start(2, leap_day + 5), 1'706'745'600);  // 2024-02-01
  EXPECT_EQ(next_window(2, leap_day + 5), 1'709'251'200);   // 2024-03-01
  EXPECT_EQ(next_window(1, leap_day), leap_day + 86400);
  EXPECT_EQ(window_start(0, leap_day + 61), leap_day + 60);
}

TEST_F(AccessTest, AWrongPolicyChangesNothing) {
  open("roles: {a: [model:read]}\nusers: {anna: {roles: [a]}}\n");
  const NewKey key = make_key("anna", {});
  ASSERT_TRUE(
      write_state_file(folder_ + "/access_control.yaml", "roles: {a: [mdl]}", Access::kOwner));
  EXPECT_FALSE(access_->reload());
  EXPECT_TRUE(caller(key.secret).may("model:read"));
  ASSERT_TRUE(write_state_file(folder_ + "/access_control.yaml",
                               "roles: {a: []}\nusers: {anna: {roles: [a]}}", Access::kOwner));
  EXPECT_TRUE(access_->reload());
  EXPECT_FALSE(caller(key.secret).may("model:read"));
}

TEST(Base64Url, IsStrict) {
  EXPECT_EQ(to_base64url("\xff\xfe\xfd"), "__79");
  EXPECT_EQ(*from_base64url("__79"), "\xff\xfe\xfd");
  EXPECT_EQ(*from_base64url("YQ"), "a");
  for (const char* wrong : {"YQ==", "YR", "Y", "Y Q", "a+b/"}) EXPECT_FALSE(from_base64url(wrong));
}

}  // namespace
}  // namespace holdfast
