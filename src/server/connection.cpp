#include "server/connection.h"

#include <cstring>
#include <ctime>
#include <functional>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include "base/log.h"

namespace holdfast {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr size_t kReadBytes = 16u << 10;
constexpr size_t kWriteBytes = 64u << 10;
// Requests sent ahead while an answer is made. Beyond, they are dropped and the connection closes
// after the answer, as HTTP allows; a client that never stops sending is cut.
constexpr size_t kMaxAhead = 64u << 10;
constexpr size_t kMaxDiscarded = 1u << 20;
// After an error in mid-request, what the client still sends is read, so that it gets to see the
// answer instead of a reset.
constexpr size_t kMaxLinger = 64u << 20;
constexpr auto kLingerTime = std::chrono::seconds(5);
constexpr auto kCutTime = std::chrono::milliseconds(500);  // for last words, once cut
constexpr uint64_t kSlowestBody = 32u << 10;               // bytes per second

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[40];
  return {text, std::strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &utc)};
}

}  // namespace

Connection::Connection(Socket socket, std::shared_ptr<const TlsContext> tls, Runtime& runtime)
    : socket_(std::move(socket)),
      runtime_(runtime),
      signal_(socket_.get_executor()),
      write_timer_(socket_.get_executor()) {
  if (tls) tls_.emplace(std::move(tls));
  peer_.transport = runtime.transport;
  learn_peer();
}

void Connection::learn_peer() {
  peer_.address = "unix";
  if (peer_.transport == Transport::kUnix) return;
  error_code ec;
  const auto endpoint = socket_.remote_endpoint(ec);
  asio::ip::tcp::endpoint address;
  if (ec || endpoint.size() > address.capacity()) return;
  std::memcpy(address.data(), endpoint.data(), endpoint.size());
  peer_.address = address.address().to_string();
}

// A note on coroutines: GCC 12 evaluates what co_await needs before it looks at the left side of
// && or the condition of ?:, so each co_await here stands in a statement of its own.

// ---- Waking and waiting. Everything that happens (bytes, the end of input, a token, a cut) sets
// state and notifies; the coroutine looks at the state and waits again.

void Connection::notify() {
  signaled_ = true;
  signal_.cancel();
}

asio::awaitable<bool> Connection::wait_until(Clock::time_point deadline) {
  if (!signaled_) {
    signal_.expires_at(deadline);
    co_await signal_.async_wait(kTuple);
  }
  const bool signaled = signaled_;
  signaled_ = false;
  co_return signaled;
}

void Connection::drain() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->close_after_ = true;
    self->notify();
  });
}

void Connection::cut() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    if (self->cut_) return;
    self->close_after_ = self->cut_ = true;
    if (self->writing_) self->limit_write(kCutTime);
    if (self->lingering_) self->abort();
    self->notify();
  });
}

void Connection::abort() {
  gone_ = true;
  error_code ignored;
  socket_.close(ignored);
  notify();
}

// ---- Reading. One read is under way at almost any time: while an answer is made, it is what tells
// that the client left.

void Connection::start_read() {
  if (reading_ || end_of_input_ || gone_) return;
  reading_ = true;
  read_buffer_.resize(kReadBytes);
  socket_.async_read_some(asio::buffer(read_buffer_),
                          [self = shared_from_this()](error_code ec, size_t bytes) {
                            self->reading_ = false;
                            self->on_read(bytes, bool(ec));
                          });
}

void Connection::on_read(size_t bytes, bool failed) {
  const std::string_view network(read_buffer_.data(), bytes);
  std::string plain;
  if (failed) {
    end_of_input_ = true;
  } else if (lingering_) {
    discarded_ += bytes;
  } else if (tls_) {
    tls_->put(network, plain);
    take_plain(plain);
    if (tls_->ended()) end_of_input_ = true;
  } else {
    take_plain(network);
  }
  if (end_of_input_ && serving_) abort();
  if (!serving_ || gone_) return notify();
  start_read();  // no news for the coroutine
}

void Connection::take_plain(std::string_view plain) {
  if (!serving_ || (in_.size() + plain.size() <= kMaxAhead && !close_after_)) {
    in_.append(plain);
    return;
  }
  close_after_ = true;
  discarded_ += plain.size();
  if (discarded_ > kMaxDiscarded) abort();
}

asio::awaitable<bool> Connection::shake_hands() {
  const auto deadline = Clock::now() + runtime_.options.handshake_timeout;
  while (!tls_->established() && !end_of_input_ && !gone_ && !cut_) {
    start_read();
    const bool woken = co_await wait_until(deadline);
    if (!woken) break;
    const std::string hello = tls_->take_output();
    co_await write_network(hello, runtime_.options.write_timeout);
  }
  if (tls_->established()) {
    peer_.certificate_subject = tls_->peer_subject();
    co_return true;
  }
  if (tls_->plain_http()) {
    const ApiError plain{400, "This port speaks TLS: use https://", "tls_required", {}, {}};
    tls_.reset();
    end_of_input_ = false;
    HttpRequest unknown;
    unknown.keep_alive = false;
    co_await send_response(unknown, plain.response());
    co_await linger();
  }
  if (tls_ && !tls_->failure().empty()) spdlog::info("no TLS with a client: {}", tls_->failure());
  co_return false;
}

void Connection::judge(const HttpRequest& head) {
  passage_ = pass_gate(head, peer_, runtime_.options.access.get(), Origins(current_->cors_origins));
}

// False: there is no request to answer (any more).
asio::awaitable<bool> Connection::read_request(HttpReader& reader) {
  const ServerOptions& options = runtime_.options;
  Clock::time_point begin = Clock::now();  // of the phase: idle, head, body
  bool started = false, in_body = false, judged = false, continued = false;
  uint64_t body_bytes = 0;
  for (;;) {
    const size_t used = reader.put(in_);
    in_.erase(0, used);
    if (reader.error()) co_return true;
    if (reader.done()) {
      if (!judged) judge(reader.head());
      co_return true;
    }
    if (end_of_input_ || gone_ || cut_) co_return false;
    if (close_after_ && !reader.started()) co_return false;
    if (reader.started() != started || reader.head_done() != in_body) {
      started = reader.started();
      in_body = reader.head_done();
      begin = Clock::now();
    }
    if (in_body) body_bytes += used;
    if (in_body && !judged) {
      judged = true;
      judge(reader.head());
      if (passage_.refusal) co_return true;  // whatever follows is not wanted
    }
    if (reader.wants_continue() && !continued) {
      continued = true;
      const bool sent = co_await write("HTTP/1.1 100 Continue\r\n\r\n", options.write_timeout);
      if (!sent) co_return false;
    }
    start_read();
    const auto patience =
        in_body   ? options.body_timeout + std::chrono::seconds(body_bytes / kSlowestBody)
        : started ? options.head_timeout
                  : options.idle_timeout;
    const bool woken = co_await wait_until(begin + patience);
    if (woken) continue;
    if (started) {
      const ApiError late{408, "The request took too long to arrive", "request_timeout", {}, {}};
      HttpRequest unknown;
      unknown.keep_alive = false;
      co_await send_response(unknown, late.response());
      co_await linger();
    }
    co_return false;
  }
}

// ---- Writing.

// The write that is under way ends within `timeout`, or the connection does.
void Connection::limit_write(Milliseconds timeout) {
  write_timer_.expires_after(timeout);
  write_timer_.async_wait([self = shared_from_this(), number = writes_](error_code ec) {
    if (!ec && self->writing_ && self->writes_ == number) self->abort();
  });
}

asio::awaitable<bool> Connection::write(std::string_view data, Milliseconds timeout) {
  if (!tls_) {
    const bool sent = co_await write_network(data, timeout);
    co_return sent;
  }
  while (!data.empty() && !gone_) {
    const std::string_view piece = data.substr(0, kWriteBytes);
    data.remove_prefix(piece.size());
    tls_->write(piece);
    const std::string network = tls_->take_output();
    const bool sent = co_await write_network(network, timeout);
    if (!sent) co_return false;
  }
  co_return data.empty();
}

asio::awaitable<bool> Connection::write_network(std::string_view data, Milliseconds timeout) {
  while (!data.empty() && !gone_) {
    const std::string_view piece = data.substr(0, kWriteBytes);
    ++writes_;
    writing_ = true;
    limit_write(cut_ ? Milliseconds(kCutTime) : timeout);
    const auto [ec, bytes] =
        co_await asio::async_write(socket_, asio::buffer(piece.data(), piece.size()), kTuple);
    writing_ = false;
    write_timer_.cancel();
    if (ec) {
      gone_ = true;
      co_return false;
    }
    data.remove_prefix(piece.size());
  }
  co_return data.empty();  // sent is sent, even if the client left meanwhile
}

std::string Connection::head(const HttpRequest& request, int status, std::string_view content_type,
                             const HttpFields& fields) const {
  std::string out =
      fmt::format("HTTP/1.1 {} {}\r\ndate: {}\r\n", status, reason_phrase(status), http_date());
  if (!content_type.empty()) out += fmt::format("content-type: {}\r\n", content_type);
  if (!request.id.empty()) out += fmt::format("x-request-id: {}\r\n", request.id);
  if (close_after_ || !request.keep_alive) {
    out += "connection: close\r\n";
  } else if (request.http_1_0) {
    out += "connection: keep-alive\r\n";
  }
  for (const HttpFields& some : {std::cref(passage_.fields), std::cref(fields)}) {
    for (const auto& [name, value] : some) out += fmt::format("{}: {}\r\n", name, value);
  }
  return out;
}

asio::awaitable<bool> Connection::send_response(const HttpRequest& request, HttpResponse response) {
  status_ = response.status;
  std::string out = head(request, response.status, response.content_type, response.fields);
  if (response.status != 204) out += fmt::format("content-length: {}\r\n", response.body.size());
  out += "\r\n";
  if (request.method != "HEAD") out += response.body;
  co_return co_await write(out, runtime_.options.write_timeout);
}

// Tells the client that this was all, or it could not tell an end from a cut.
asio::awaitable<void> Connection::end_tls() {
  if (!tls_ || gone_) co_return;
  tls_->close();
  const std::string last = tls_->take_output();
  co_await write_network(last, runtime_.options.write_timeout);
}

// Closing a socket with unread bytes resets it, and a reset can overtake our answer: so end our
// half, and read what comes for a while.
asio::awaitable<void> Connection::linger() {
  co_await end_tls();
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  lingering_ = true;
  discarded_ = 0;
  const auto deadline = Clock::now() + kLingerTime;
  while (!end_of_input_ && !gone_ && !cut_ && discarded_ < kMaxLinger) {
    start_read();
    const bool woken = co_await wait_until(deadline);
    if (!woken) break;
  }
}

// ---- Answering.

asio::awaitable<void> Connection::run() {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  if (tls_) {
    const bool shaken = co_await shake_hands();
    if (!shaken) {
      abort();
      co_return;
    }
  }
  while (!gone_) {
    passage_ = {};
    current_ = runtime_.current();
    HttpReader reader({runtime_.options.max_head_bytes, current_->max_body_bytes});
    const bool there_is_one = co_await read_request(reader);
    if (!there_is_one) break;
    if (reader.error()) {
      HttpRequest request = reader.take();
      request.keep_alive = false;
      spdlog::info("refused: {} {}", reader.error()->status, reader.error()->code);
      runtime_.app.metrics->count_request("", reader.error()->status);
      co_await send_response(request, reader.error()->response());
      co_await linger();
      break;
    }
    const bool complete = reader.done();
    const auto request = std::make_shared<HttpRequest>(reader.take());
    if (!complete) {  // refused by its head
      request->keep_alive = false;
      spdlog::info("refused: {} {}", passage_.refusal->status, passage_.refusal->code);
      runtime_.app.metrics->count_request("", passage_.refusal->status);
      co_await send_response(*request, passage_.refusal->response(passage_.errors));
      co_await linger();
      break;
    }
    serving_ = true;
    const bool sent = co_await serve(request);
    serving_ = false;
    if (!sent) break;
    if (close_after_ || !request->keep_alive) {
      if (discarded_ > 0 || !in_.empty()) co_await linger();
      break;
    }
  }
  co_await end_tls();
  abort();
}

asio::awaitable<void> Connection::turn_away() {
  if (tls_) {
    const bool shaken = co_await shake_hands();
    if (!shaken) {
      abort();
      co_return;
    }
  }
  const ApiError full{503, "This server has no room for another connection", "overloaded", {}, {}};
  HttpRequest unknown;
  unknown.keep_alive = false;
  co_await send_response(unknown, full.response());
  co_await linger();
  abort();
}

}  // namespace holdfast
