// Walks the whole table of routes: whoever adds one without a lock on it hears of it here.
#include "server/gate.h"

#include <atomic>
#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "access/permission.h"
#include "base/state_file.h"
#include "fake_model.h"
#include "raw_client.h"
#include "server/server.h"

namespace holdfast {
namespace {

class GateTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "gate_test_" +
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    ASSERT_TRUE(make_private_folder(folder_));
    const std::string policy = folder_ + "/access_control.yaml";
    ASSERT_TRUE(write_state_file(policy, "roles: {nothing: [], all: ['*']}", Access::kOwner));
    AccessControl::Options access;
    access.folder = folder_;
    access.policy_file = policy;
    access.clock = [this] { return now_.load(); };
    auto opened = AccessControl::open(std::move(access));
    ASSERT_TRUE(opened) << to_string(opened.error());
    access_ = std::move(*opened);
    ServerOptions options;
    options.port = 0;
    options.access = access_;
    auto server = Server::start({std::make_shared<FakeModel>()}, options);
    ASSERT_TRUE(server) << to_string(server.error());
    server_ = std::move(*server);
  }
  void TearDown() override {
    server_.reset();
    access_.reset();
    std::filesystem::remove_all(folder_);
  }
  std::string key_for(const std::string& role) {
    KeyInfo wanted;
    wanted.owner = "somebody";
    wanted.roles = {role};
    return access_->keys().create(wanted, 1)->secret;
  }
  int ask(std::string_view method, std::string_view path, const std::string& fields,
          std::string* head = nullptr) {
    RawClient client(server_->port());
    client.send(std::string(method) + " " + std::string(path) +
                " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + fields +
                "Content-Length: 2\r\n\r\n{}");
    const std::string answer = client.read_all();
    if (head != nullptr) *head = answer;
    return answer.size() < 12 ? 0 : std::stoi(answer.substr(9, 3));
  }
  static std::string path_of(const Route& route) {
    const size_t open = route.pattern.find('{');
    if (open == std::string_view::npos) return std::string(route.pattern);
    return std::string(route.pattern.substr(0, open)) + "fake" +
           std::string(route.pattern.substr(route.pattern.find('}') + 1));
  }

  std::atomic<int64_t> now_{1'700'000'000};
  std::string folder_;
  std::shared_ptr<AccessControl> access_;
  std::unique_ptr<Server> server_;
};

TEST_F(GateTest, EveryRouteIsLocked) {
  const std::set<std::string_view> open = {"/health", "/health/live", "/health/ready"};
  const std::string nobody = "Authorization: Bearer " + key_for("nothing") + "\r\n";
  for (const Route& route : routes()) {
    const std::string path = path_of(route);
    EXPECT_FALSE(route.summary.empty()) << route.pattern;
    now_ += 61;  // else these would be too many failures
    if (open.contains(route.pattern)) {
      EXPECT_EQ(ask(route.method, path, ""), 200) << route.pattern;
      continue;
    }
    EXPECT_TRUE(is_permission(route.permission)) << route.pattern << ": " << route.permission;
    EXPECT_EQ(ask(route.method, path, ""), 401) << route.method << " " << route.pattern;
    EXPECT_EQ(ask(route.method, path, "Authorization: Bearer hfk_wrong\r\n"), 401) << path;
    EXPECT_EQ(ask(route.method, path, "Authorization: Basic YTpi\r\n"), 401) << path;
    EXPECT_EQ(ask(route.method, path, nobody), 403) << route.method << " " << route.pattern;
    if (route.method == "GET") {
      EXPECT_EQ(ask("HEAD", path, ""), 401) << path;
    }
  }
}

TEST_F(GateTest, KeysOpenRoutes) {
  const std::string all = "Authorization: Bearer " + key_for("all") + "\r\n";
  EXPECT_EQ(ask("GET", "/v1/models", all), 200);
  EXPECT_EQ(ask("GET", "/nothing", all), 404);
  EXPECT_EQ(ask("GET", "/nothing", ""), 401) << "strangers do not learn what there is";
  EXPECT_EQ(ask("DELETE", "/v1/models", ""), 401);
}

TEST_F(GateTest, HealthTellsStrangersOneWord) {
  std::string answer;
  EXPECT_EQ(ask("GET", "/health", "", &answer), 200);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n{\"status\":\"ok\"}")) << answer;
  ask("GET", "/health", "Authorization: Bearer " + key_for("all") + "\r\n", &answer);
  EXPECT_NE(answer.find("pages_total"), std::string::npos);
}

TEST_F(GateTest, AnswersHaveTheRightFields) {
  std::string answer;
  ask("GET", "/v1/models", "", &answer);
  EXPECT_NE(answer.find("www-authenticate: Bearer realm=\"holdfast\"\r\n"), std::string::npos);
  EXPECT_NE(answer.find("\"code\":\"missing_api_key\""), std::string::npos);
  ask("GET", "/v1/models", "Authorization: Bearer " + key_for("nothing") + "\r\n", &answer);
  EXPECT_NE(answer.find("insufficient_scope\", scope=\"model:list\""), std::string::npos);
  for (int i = 0; i <= Attempts::kPerMinute; ++i) {
    ask("GET", "/v1/models", "Authorization: Bearer wrong\r\n", &answer);
  }
  EXPECT_NE(answer.find(" 429 "), std::string::npos) << answer;
  EXPECT_NE(answer.find("retry-after: "), std::string::npos) << answer;
}

TEST_F(GateTest, PagesOfListedOriginsOnly) {
  ServerOptions options;
  options.port = 0;
  options.access = access_;
  options.cors_origins = {"https://chat.corp"};
  auto server = Server::start({std::make_shared<FakeModel>()}, options);
  ASSERT_TRUE(server) << to_string(server.error());
  server_ = std::move(*server);
  std::string answer;
  const std::string listed = "Origin: https://chat.corp\r\n";
  // A browser asks first, without a key.
  EXPECT_EQ(ask("OPTIONS", "/v1/chat/completions",
                listed + "Access-Control-Request-Method: POST\r\n"
                         "Access-Control-Request-Headers: authorization,content-type\r\n",
                &answer),
            204);
  EXPECT_NE(answer.find("access-control-allow-origin: https://chat.corp\r\n"), std::string::npos);
  EXPECT_NE(answer.find("access-control-allow-headers: authorization,content-type\r\n"),
            std::string::npos);
  EXPECT_NE(answer.find("vary: origin\r\n"), std::string::npos);
  EXPECT_EQ(answer.find("content-length"), std::string::npos);
  // What it sends then still needs a key, and the page may read why.
  EXPECT_EQ(ask("GET", "/v1/models", listed, &answer), 401);
  EXPECT_NE(answer.find("access-control-allow-origin: https://chat.corp\r\n"), std::string::npos);
  EXPECT_EQ(ask("GET", "/v1/models", listed + "Authorization: Bearer " + key_for("all") + "\r\n"),
            200);
  for (const std::string other : {"https://chat.corp.evil.com", "https://evil.com", "null"}) {
    EXPECT_EQ(ask("OPTIONS", "/v1/models",
                  "Origin: " + other + "\r\nAccess-Control-Request-Method: GET\r\n", &answer),
              403);
    EXPECT_EQ(answer.find("access-control-"), std::string::npos) << other;
  }
  // Nothing harmful comes back.
  EXPECT_EQ(ask("OPTIONS", "/v1/models",
                listed + "Access-Control-Request-Method: GET\r\n"
                         "Access-Control-Request-Headers: x\"y\r\n",
                &answer),
            204);
  EXPECT_EQ(answer.find("access-control-allow-headers"), std::string::npos);
  // Without listed origins there is no such question.
  options.cors_origins = {};
  EXPECT_TRUE(server_->reload(options));
  EXPECT_EQ(ask("OPTIONS", "/v1/models", listed + "Access-Control-Request-Method: GET\r\n"), 403);
  options.cors_origins = {"*"};
  EXPECT_FALSE(server_->reload(options));
}

TEST_F(GateTest, KeysOfAnthropicsClients) {
  EXPECT_EQ(ask("GET", "/v1/models", "x-api-key: " + key_for("all") + "\r\n"), 200);
  EXPECT_EQ(ask("GET", "/v1/models", "x-api-key: hfk_wrong\r\n"), 401);
}

TEST_F(GateTest, StrangersBodiesAreNotRead) {
  RawClient client(server_->port());
  client.send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n"
      "Expect: 100-continue\r\n\r\n");
  const std::string answer = client.read_response();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 401 ")) << answer;
  EXPECT_NE(answer.find("connection: close"), std::string::npos) << answer;
}

}  // namespace
}  // namespace holdfast
