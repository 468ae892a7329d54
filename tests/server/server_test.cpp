#include "server/server.h"

#include <thread>

#include <gtest/gtest.h>

#include "fake_model.h"
#include "raw_client.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kChat =
    R"({"model":"fake","messages":[{"role":"user","content":"hi"}]})";
constexpr std::string_view kStreamedChat =
    R"({"model":"fake","stream":true,"messages":[{"role":"user","content":"hi"}]})";

class ServerTest : public testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    options.port = 0;
    auto server = Server::start({model_}, options);
    ASSERT_TRUE(server) << to_string(server.error());
    server_ = std::move(*server);
  }
  std::string ask(std::string_view bytes) {
    RawClient client(server_->port());
    client.send(bytes);
    return client.read_response();
  }
  // Waits for what another thread brings about.
  static void eventually(const std::function<bool()>& condition) {
    while (!condition()) std::this_thread::sleep_for(milliseconds(1));
  }

  std::shared_ptr<FakeModel> model_ = std::make_shared<FakeModel>();
  std::unique_ptr<Server> server_;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_F(ServerTest, AnswersAChatWhole) {
  start();
  const std::string answer = ask(RawClient::post("/v1/chat/completions", kChat));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(has(answer, R"("content":"Hello")")) << answer;
  EXPECT_TRUE(has(answer, R"("finish_reason":"stop")")) << answer;
  EXPECT_TRUE(has(answer, "x-request-id: req_")) << answer;
}

TEST_F(ServerTest, StreamsEventsAsTheyCome) {
  auto script = model_->plan();
  start();
  RawClient client(server_->port());
  client.send(RawClient::post("/v1/chat/completions", kStreamedChat));
  EXPECT_TRUE(has(client.read_until("\r\n\r\n"), "text/event-stream"));
  EXPECT_TRUE(has(client.read_until("\n\n"), R"("role":"assistant")"));
  script->text("", "thinking");
  EXPECT_TRUE(has(client.read_until("\n\n"), R"("reasoning_content":"thinking")"));
  script->text("answer");
  EXPECT_TRUE(has(client.read_until("\n\n"), R"("content":"answer")"));
  script->end(FinishReason::kLength);
  EXPECT_TRUE(
      has(client.read_until("\n\n"), R"("delta":{},"logprobs":null,"finish_reason":"length")"));
  EXPECT_TRUE(has(client.read_until("\n\n"), "data: [DONE]"));
  EXPECT_TRUE(has(client.read_until("0\r\n\r\n"), "0\r\n\r\n"));
  client.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");  // the connection lives on
  EXPECT_TRUE(has(client.read_response(), R"("status":"ok")"));
}

TEST_F(ServerTest, AClientThatLeavesCancels) {
  for (const std::string_view body : {kChat, kStreamedChat}) {
    auto script = model_->plan();
    if (!server_) start();
    RawClient client(server_->port());
    client.send(RawClient::post("/v1/chat/completions", body));
    if (body == kStreamedChat) client.read_until("\n\n");
    eventually([&] { return model_->started == (body == kChat ? 1 : 2); });
    client.hang_up();
    eventually([&] { return script->dropped.load(); });
  }
}

TEST_F(ServerTest, AFailureInTheMiddleIsAnEvent) {
  auto script = model_->plan();
  script->text("half");
  script->end(FinishReason::kError, Error{Code::kInternal, "broken"});
  start();
  RawClient client(server_->port());
  client.send(RawClient::post("/v1/chat/completions", kStreamedChat));
  const std::string answer = client.read_until("0\r\n\r\n");
  EXPECT_TRUE(has(answer, R"(data: {"error":{"message":"broken","type":"server_error")")) << answer;
  EXPECT_FALSE(has(answer, "[DONE]"));
}

TEST_F(ServerTest, AFailureBeforeAnythingIsAStatus) {
  auto script = model_->plan();
  script->end(FinishReason::kError, Error{Code::kResourceExhausted, "no pages"});
  start();
  EXPECT_TRUE(ask(RawClient::post("/v1/chat/completions", kChat)).starts_with("HTTP/1.1 429 "));
}

TEST_F(ServerTest, ARefusalSaysWhenToTryAgain) {
  model_->refuse = Error{Code::kUnavailable, "the line is full"};
  start();
  const std::string answer = ask(RawClient::post("/v1/chat/completions", kChat));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_TRUE(has(answer, "retry-after: 7\r\n")) << answer;
}

TEST_F(ServerTest, OneRequestThatThrowsIsThatRequestsFailure) {
  start();
  EXPECT_TRUE(
      ask(RawClient::post("/v1/completions", R"({"model":"fake","prompt":"x","max_tokens":77})"))
          .starts_with("HTTP/1.1 500 "));
  EXPECT_TRUE(ask(RawClient::post("/v1/chat/completions", kChat)).starts_with("HTTP/1.1 200 "));
}

TEST_F(ServerTest, AnswerOverTheContextIsRefused) {
  start();
  const std::string answer =
      ask(RawClient::post("/v1/completions", R"({"model":"fake","prompt":"x","max_tokens":96})"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
  EXPECT_TRUE(has(answer,
                  "context length is 100 tokens. However, you requested 101 tokens (5 in "
                  "the prompt, 96 in the completion)"))
      << answer;
  EXPECT_TRUE(
      ask(RawClient::post("/v1/completions", R"({"model":"fake","prompt":"x","max_tokens":95})"))
          .starts_with("HTTP/1.1 200 "));
}

TEST_F(ServerTest, ChoicesDrawWithSeedsInARow) {
  start();
  ask(RawClient::post(
      "/v1/chat/completions",
      R"({"model":"fake","n":3,"seed":-1,"messages":[{"role":"user","content":"x"}]})"));
  server_->stop(0);
  ASSERT_EQ(model_->chats.size(), 3u);
  for (uint64_t i = 0; i < 3; ++i) EXPECT_EQ(model_->chats[i].options.seed, i - 1);
}

TEST_F(ServerTest, TellsHowFarLoadingIs) {
  ServerOptions options;
  options.port = 0;
  auto server = Server::open(options);
  ASSERT_TRUE(server) << to_string(server.error());
  server_ = std::move(*server);
  const auto get = [&](std::string_view path) {
    return ask("GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  };
  server_->set_loaded(0.25);
  EXPECT_TRUE(get("/health/live").starts_with("HTTP/1.1 200 "));
  const std::string ready = get("/health/ready");
  EXPECT_TRUE(ready.starts_with("HTTP/1.1 503 ")) << ready;
  EXPECT_TRUE(has(ready, R"("status":"loading","percent":25.0,"eta_seconds":)")) << ready;
  EXPECT_TRUE(has(ready, "retry-after: ")) << ready;
  EXPECT_TRUE(get("/health").starts_with("HTTP/1.1 503 "));
  EXPECT_TRUE(has(get("/v1/models"), R"("code":"loading")"));
  EXPECT_TRUE(ask(RawClient::post("/v1/chat/completions", kChat)).starts_with("HTTP/1.1 503 "));
  server_->serve({model_});
  EXPECT_TRUE(has(get("/health/ready"), "\r\n\r\n{\"status\":\"ok\"}"));
  EXPECT_TRUE(ask(RawClient::post("/v1/chat/completions", kChat)).starts_with("HTTP/1.1 200 "));
}

TEST_F(ServerTest, ServesPipelinedRequestsInOrder) {
  start();
  RawClient client(server_->port());
  const std::string health = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
  client.send(RawClient::post("/v1/chat/completions", kChat) + health +
              RawClient::post("/v1/chat/completions", kStreamedChat) + health);
  EXPECT_TRUE(has(client.read_response(), R"("content":"Hello")"));
  EXPECT_TRUE(has(client.read_response(), R"("status":"ok")"));
  EXPECT_TRUE(has(client.read_until("0\r\n\r\n"), "[DONE]"));
  EXPECT_TRUE(has(client.read_response(), R"("status":"ok")"));
}

TEST_F(ServerTest, TooMuchSentAheadClosesAfterTheAnswer) {
  auto script = model_->plan();
  start();
  RawClient client(server_->port());
  client.send(RawClient::post("/v1/chat/completions", kChat) + std::string(200'000, 'x'));
  script->end();
  const std::string answer = client.read_all();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK")) << answer;
}

TEST_F(ServerTest, SlowRequestsTimeOut) {
  ServerOptions options;
  options.head_timeout = options.body_timeout = milliseconds(20);
  start(options);
  EXPECT_TRUE(ask("GET /health HT").starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(ask("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
                  .starts_with("HTTP/1.1 408 "));
}

TEST_F(ServerTest, IdleConnectionsCloseInSilence) {
  ServerOptions options;
  options.idle_timeout = milliseconds(20);
  start(options);
  RawClient client(server_->port());
  EXPECT_EQ(client.read_all(), "");
}

TEST_F(ServerTest, AQuietStreamIsKeptAlive) {
  auto script = model_->plan();
  ServerOptions options;
  options.keep_alive = milliseconds(5);
  start(options);
  RawClient client(server_->port());
  client.send(RawClient::post("/v1/chat/completions", kStreamedChat));
  EXPECT_TRUE(has(client.read_until(": keep-alive\n\n"), "keep-alive"));
  script->end();
  EXPECT_TRUE(has(client.read_until("0\r\n\r\n"), "[DONE]"));
}

TEST_F(ServerTest, AStreamThatTellsNothingIsKeptAlive) {
  // Thinking that its reader may not see wakes the connection, and says nothing.
  auto script = model_->plan();
  ServerOptions options;
  options.keep_alive = milliseconds(20);
  start(options);
  RawClient client(server_->port());
  client.send(RawClient::post("/v1/chat/completions", kStreamedChat));
  client.read_until("\n\n");
  std::atomic<bool> over{false};
  std::thread busy([&] {
    while (!over) {
      script->push({});
      std::this_thread::sleep_for(milliseconds(1));
    }
  });
  EXPECT_TRUE(has(client.read_until(": keep-alive\n\n"), "keep-alive"));
  over = true;
  busy.join();
  script->end();
  EXPECT_TRUE(has(client.read_until("0\r\n\r\n"), "[DONE]"));
}

TEST_F(ServerTest, AReaderThatNeverReadsIsCut) {
  auto script = model_->plan();
  ServerOptions options;
  options.write_timeout = milliseconds(50);
  start(options);
  RawClient client(server_->port());
  client.send(RawClient::post("/v1/chat/completions", kStreamedChat));
  // More than both sockets' buffers hold.
  for (int i = 0; i < 200; ++i) script->text(std::string(100'000, 'x'));
  eventually([&] { return script->dropped.load(); });
}

TEST_F(ServerTest, TurnsConnectionsAwayWhenFull) {
  ServerOptions options;
  options.max_connections = 1;
  start(options);
  RawClient first(server_->port());
  first.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(has(first.read_response(), "200 OK"));
  RawClient second(server_->port());
  const std::string answer = second.read_response();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_TRUE(has(answer, "retry-after: ")) << answer;
}

TEST_F(ServerTest, StoppingLetsAnAnswerFinish) {
  auto script = model_->plan();
  start();
  RawClient client(server_->port());
  client.send(RawClient::post("/v1/chat/completions", kStreamedChat));
  client.read_until("\n\n");
  std::thread stopping([&] { server_->stop(3600); });
  eventually([&] { return !RawClient(server_->port()).connected(); });
  script->text("last words");
  script->end();
  const std::string rest = client.read_all();
  EXPECT_TRUE(has(rest, "last words")) << rest;
  EXPECT_TRUE(has(rest, "[DONE]")) << rest;
  stopping.join();
  server_->wait();
}

TEST_F(ServerTest, StoppingAtOnceCutsWithAnEvent) {
  auto script = model_->plan();
  start();
  RawClient client(server_->port());
  client.send(RawClient::post("/v1/chat/completions", kStreamedChat));
  client.read_until("\n\n");
  std::thread patient([&] { server_->stop(3600); });
  server_->stop(0);  // the second signal
  patient.join();
  EXPECT_TRUE(script->dropped.load());
  EXPECT_TRUE(has(client.read_all(), "The server is stopping"));
}

TEST_F(ServerTest, RefusesAddressesThatOthersReach) {
  ServerOptions options;
  options.host = "0.0.0.0";
  const auto server = Server::start({model_}, options);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, Code::kInvalidArgument);
}

TEST_F(ServerTest, NamesAPortInUse) {
  start();
  ServerOptions options;
  options.port = server_->port();
  const auto second = Server::start({model_}, options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kUnavailable);
  EXPECT_TRUE(has(second.error().message, std::to_string(server_->port())));
}

}  // namespace
}  // namespace holdfast
