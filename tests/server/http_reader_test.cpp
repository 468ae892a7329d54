#include "server/http_reader.h"

#include <gtest/gtest.h>

#include "server/loopback_guard.h"
#include "server/router.h"

namespace holdfast {
namespace {

constexpr std::string_view kPost =
    "POST /v1/x%2Fy?q=1 HTTP/1.1\r\nHost: localhost:1\r\nX-Request-ID: a-1\r\n"
    "Content-Length: 5\r\n\r\nhello";

// Feeds all of `bytes`, `step` at a time; what the reader leaves is offered again with more.
size_t feed(HttpReader& reader, std::string_view bytes, size_t step) {
  std::string waiting;
  size_t used = 0;
  for (size_t at = 0; at < bytes.size() && !reader.done() && !reader.error(); at += step) {
    waiting += bytes.substr(at, step);
    const size_t taken = reader.put(waiting);
    waiting.erase(0, taken);
    used += taken;
  }
  return used;
}

TEST(HttpReader, ReadsARequestHoweverItIsCut) {
  for (size_t step = 1; step <= kPost.size(); ++step) {
    HttpReader reader({});
    EXPECT_EQ(feed(reader, kPost, step), kPost.size());
    ASSERT_TRUE(reader.done());
    const HttpRequest request = reader.take();
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path, "/v1/x/y");
    EXPECT_EQ(request.query, "q=1");
    EXPECT_EQ(request.field("host"), "localhost:1");
    EXPECT_EQ(request.id, "a-1");
    EXPECT_EQ(request.body, "hello");
    EXPECT_TRUE(request.keep_alive);
  }
}

TEST(HttpReader, ReadsChunkedBodiesHoweverTheyAreCut) {
  const std::string bytes =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;ext=\"x\"\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: t\r\n\r\n";
  for (size_t step = 1; step <= bytes.size(); ++step) {
    HttpReader reader({});
    EXPECT_EQ(feed(reader, bytes, step), bytes.size()) << step;
    ASSERT_TRUE(reader.done());
    EXPECT_EQ(reader.take().body, "abcde");
  }
}

TEST(HttpReader, LeavesTheNextRequestAlone) {
  HttpReader reader({});
  const std::string two = std::string(kPost) + "GET /health HTTP/1.1\r\n";
  EXPECT_EQ(reader.put(two), kPost.size());
  EXPECT_TRUE(reader.done());
}

TEST(HttpReader, RefusesByStatus) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\n";
  const struct {
    std::string bytes;
    int status;
  } cases[] = {
      {"\x16\x03\x01 TLS hello\r\n\r\n", 400},
      {"GET\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"GET / HTTP/1.1\r\n\r\n", 400},  // no Host
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET nowhere HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\nbad name: x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\nname : x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\nX: a\x01z\r\n\r\n", 400},
      {head + "X: " + std::string(20'000, 'x') + "\r\n\r\n", 431},
      {"GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n", 431},
      {head + "Content-Length: 101\r\n\r\n", 413},
      {head + "Content-Length: 18446744073709551615\r\n\r\n", 413},
      {head + "Content-Length: 99999999999999999999\r\n\r\n", 400},
      {head + "Content-Length: -1\r\n\r\n", 400},
      {head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400},
      {head + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400},
      {head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {head + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
      {head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {head + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400},
      {head + "Transfer-Encoding: chunked\r\n\r\n65\r\n", 413},
      {head + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 413},
      {head + "Transfer-Encoding: chunked\r\n\r\n11111111111111111\r\n", 400},
      {head + "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 415},
      {head + "Expect: magic\r\nContent-Length: 1\r\n\r\nx", 417},
  };
  for (const auto& c : cases) {
    for (const size_t step : {size_t{1}, c.bytes.size()}) {
      HttpReader reader({.body_bytes = 100});
      feed(reader, c.bytes, step);
      ASSERT_TRUE(reader.error()) << c.bytes.substr(0, 100);
      EXPECT_EQ(reader.error()->status, c.status)
          << c.bytes.substr(0, 100) << reader.error()->message;
    }
  }
}

TEST(HttpReader, WaitsForContinue) {
  HttpReader reader({});
  reader.put("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
  EXPECT_TRUE(reader.wants_continue());
  reader.put("x");
  EXPECT_TRUE(reader.done());
  EXPECT_FALSE(reader.wants_continue());
}

TEST(HttpReader, MakesAnIdWhereTheClientsCouldHarm) {
  HttpReader reader({});
  reader.put("GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: a b\"c\r\n\r\n");
  EXPECT_TRUE(reader.take().id.starts_with("req_"));
}

TEST(Router, FindsRoutesAndSaysWhyNot) {
  HttpRequest request;
  const auto match = [&](std::string method, std::string path) {
    request.method = std::move(method);
    request.path = std::move(path);
    return match_route(request);
  };
  EXPECT_EQ(match("GET", "/v1/models").route->pattern, "/v1/models");
  EXPECT_EQ(match("HEAD", "/health").route->pattern, "/health");
  EXPECT_EQ(match("GET", "/v1/models/deepseek-ai/R1").rest, "deepseek-ai/R1");
  for (const char* path : {"/", "/v1", "/v1/models/", "/v1/chat", "//v1/models", "/V1/models"}) {
    EXPECT_EQ(match("GET", path).error.status, 404) << path;
  }
  const RouteMatch wrong = match("GET", "/v1/chat/completions");
  EXPECT_EQ(wrong.error.status, 405);
  EXPECT_EQ(wrong.error.fields, (HttpFields{{"allow", "POST"}}));
  EXPECT_EQ(match("BREW", "/health").error.fields, (HttpFields{{"allow", "GET, HEAD"}}));
}

TEST(LoopbackGuard, KnowsThisMachinesNames) {
  for (const char* host : {"localhost", "LOCALHOST:8080", "127.0.0.1:1", "127.1.2.3", "[::1]",
                           "[::1]:80", "a.localhost"}) {
    EXPECT_TRUE(is_loopback_authority(host)) << host;
  }
  for (const char* host : {"", "example.com", "127.0.0.1.evil.com", "localhost.evil.com", "[::2]",
                           "[::1].evil.com", "evil.com:127.0.0.1", "10.0.0.1"}) {
    EXPECT_FALSE(is_loopback_authority(host)) << host;
  }
}

TEST(LoopbackGuard, RefusesForeignPages) {
  HttpRequest request;
  request.fields = {{"host", "localhost"}};
  EXPECT_FALSE(check_loopback_origin(request));
  request.fields.emplace_back("origin", "http://localhost:3000");
  EXPECT_FALSE(check_loopback_origin(request));
  for (const char* origin : {"https://evil.com", "null", "http://127.0.0.1.evil.com"}) {
    request.fields.back().second = origin;
    EXPECT_TRUE(check_loopback_origin(request)) << origin;
  }
  request.fields = {{"host", "rebound.evil.com"}};
  EXPECT_EQ(check_loopback_origin(request)->status, 403);
}

}  // namespace
}  // namespace holdfast
