#include "server/connection.h"

#include <atomic>
#include <ctime>
#include <exception>
#include <mutex>
#include <optional>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include "base/log.h"
#include "server/loopback_guard.h"
#include "server/sse.h"

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

// Lets any thread wake a connection, and none after close().
class Waker : public std::enable_shared_from_this<Waker> {
 public:
  Waker(asio::any_io_executor executor, std::weak_ptr<Connection> connection)
      : executor_(std::move(executor)), connection_(std::move(connection)) {}

  void fire() {
    if (fired_.exchange(true)) return;  // one is under way and has not looked yet
    const std::lock_guard lock(mutex_);
    if (!open_) return;
    asio::post(executor_, [self = shared_from_this()] {
      self->fired_ = false;
      if (const auto connection = self->connection_.lock()) connection->notify();
    });
  }

  void close() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }

 private:
  asio::any_io_executor executor_;
  std::weak_ptr<Connection> connection_;
  std::atomic<bool> fired_{false};
  std::mutex mutex_;
  bool open_ = true;
};

struct WakerCloser {
  std::shared_ptr<Waker> waker;
  ~WakerCloser() { waker->close(); }
};

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[40];
  return {text, std::strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &utc)};
}

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, Runtime& runtime)
    : socket_(std::move(socket)),
      runtime_(runtime),
      signal_(socket_.get_executor()),
      write_timer_(socket_.get_executor()) {}

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
  if (failed) {
    end_of_input_ = true;
    if (serving_) abort();
  } else if (lingering_) {
    discarded_ += bytes;
  } else if (serving_) {
    if (in_.size() + bytes <= kMaxAhead && !close_after_) {
      in_.append(read_buffer_.data(), bytes);
    } else {
      close_after_ = true;
      discarded_ += bytes;
      if (discarded_ > kMaxDiscarded) return abort();
    }
    start_read();
    return;  // no news for the coroutine
  } else {
    in_.append(read_buffer_.data(), bytes);
  }
  notify();
}

// False: there is no request to answer (any more).
asio::awaitable<bool> Connection::read_request(HttpReader& reader) {
  const ServerOptions& options = runtime_.options;
  Clock::time_point begin = Clock::now();  // of the phase: idle, head, body
  bool started = false, in_body = false, continued = false;
  uint64_t body_bytes = 0;
  for (;;) {
    const size_t used = reader.put(in_);
    in_.erase(0, used);
    if (reader.error() || reader.done()) co_return true;
    if (end_of_input_ || gone_ || cut_) co_return false;
    if (close_after_ && !reader.started()) co_return false;
    if (reader.started() != started || reader.head_done() != in_body) {
      started = reader.started();
      in_body = reader.head_done();
      begin = Clock::now();
    }
    if (in_body) body_bytes += used;
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
  std::string out = fmt::format("HTTP/1.1 {} {}\r\ndate: {}\r\ncontent-type: {}\r\n", status,
                                reason_phrase(status), http_date(), content_type);
  if (!request.id.empty()) out += fmt::format("x-request-id: {}\r\n", request.id);
  if (close_after_ || !request.keep_alive) {
    out += "connection: close\r\n";
  } else if (request.http_1_0) {
    out += "connection: keep-alive\r\n";
  }
  for (const auto& [name, value] : fields) out += fmt::format("{}: {}\r\n", name, value);
  return out;
}

asio::awaitable<bool> Connection::send_response(const HttpRequest& request, HttpResponse response) {
  status_ = response.status;
  std::string out = head(request, response.status, response.content_type, response.fields);
  out += fmt::format("content-length: {}\r\n\r\n", response.body.size());
  if (request.method != "HEAD") out += response.body;
  co_return co_await write(out, runtime_.options.write_timeout);
}

// Closing a socket with unread bytes resets it, and a reset can overtake our answer: so end our
// half, and read what comes for a while.
asio::awaitable<void> Connection::linger() {
  error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
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
  while (!gone_) {
    HttpReader reader({runtime_.options.max_head_bytes, runtime_.options.max_body_bytes});
    const bool there_is_one = co_await read_request(reader);
    if (!there_is_one) break;
    if (reader.error()) {
      HttpRequest request = reader.take();
      request.keep_alive = false;
      spdlog::info("refused: {} {}", reader.error()->status, reader.error()->code);
      co_await send_response(request, reader.error()->response());
      co_await linger();
      break;
    }
    const auto request = std::make_shared<HttpRequest>(reader.take());
    serving_ = true;
    const bool sent = co_await serve(request);
    serving_ = false;
    if (!sent) break;
    if (close_after_ || !request->keep_alive) {
      if (discarded_ > 0 || !in_.empty()) co_await linger();
      break;
    }
  }
  abort();
}

asio::awaitable<void> Connection::turn_away() {
  const ApiError full{503, "This server has no room for another connection", "overloaded", {}, {}};
  HttpRequest unknown;
  unknown.keep_alive = false;
  co_await send_response(unknown, full.response());
  co_await linger();
  abort();
}

asio::awaitable<bool> Connection::serve(const std::shared_ptr<HttpRequest>& shared) {
  const HttpRequest& request = *shared;
  const auto begin = Clock::now();
  status_ = 0;
  tokens_ = 0;
  discarded_ = 0;
  RouteMatch match;
  if (auto refused = check_loopback_origin(request)) {
    match.error = std::move(*refused);
  } else {
    match = match_route(request);
  }
  const std::string_view name = match.route ? match.route->pattern : "(no route)";
  Reply reply;
  if (match.route) {
    reply = co_await call_route(shared, std::move(match));
  } else {
    reply = match.error.response();
  }
  bool sent = false;
  if (auto* answer = std::get_if<std::unique_ptr<Answer>>(&reply)) {
    if (!gone_) sent = co_await send_answer(request, std::move(*answer));
  } else if (!gone_) {
    sent = co_await send_response(request, std::move(std::get<HttpResponse>(reply)));
  }
  const auto spent = std::chrono::duration_cast<Milliseconds>(Clock::now() - begin);
  spdlog::info("{} {} {} {} ms {} tokens {}", request.method.substr(0, 16), name,
               sent ? status_ : 499, spent.count(), tokens_, request.id);
  co_return sent;
}

asio::awaitable<Reply> Connection::call_route(std::shared_ptr<HttpRequest> request,
                                              RouteMatch match) {
  // The worker may outlive this coroutine when the client leaves: what it needs is in the job.
  struct Job {
    std::shared_ptr<HttpRequest> request;
    RouteMatch match;
    Reply reply;
    bool done = false;  // on the strand

    void run(App& app) {
      try {
        reply = match.route->handle(app, *request, match.rest);
      } catch (const std::exception& failure) {  // memory, most likely: other requests go on
        spdlog::error("{} {}: {}", match.route->pattern, request->id, failure.what());
        reply = to_api_error({Code::kInternal, "The server failed on this request"}).response();
      }
      request->body = {};  // it may be large, and the answer may take long
    }
  };
  auto job = std::make_shared<Job>();
  job->request = std::move(request);
  job->match = std::move(match);
  if (!job->match.route->blocking) {
    job->run(runtime_.app);
    co_return std::move(job->reply);
  }
  start_read();
  asio::post(runtime_.workers, [job, self = shared_from_this()] {
    job->run(self->runtime_.app);
    asio::post(self->socket_.get_executor(), [job, self] {
      job->done = true;
      self->notify();
    });
  });
  while (!job->done && !gone_ && !cut_) co_await wait_until(Clock::time_point::max());
  if (job->done) co_return std::move(job->reply);
  const ApiError stopping{503, "The server is stopping", "unavailable", {}, {}};
  co_return stopping.response();
}

asio::awaitable<bool> Connection::send_answer(const HttpRequest& request,
                                              std::unique_ptr<Answer> answer) {
  const auto waker = std::make_shared<Waker>(socket_.get_executor(), weak_from_this());
  const WakerCloser closer{waker};
  answer->on_ready([waker] { waker->fire(); });
  start_read();
  if (!answer->streams()) {
    const bool complete = co_await follow(*answer, false);
    tokens_ = answer->generated_tokens();
    if (!complete) co_return false;
    co_return co_await send_response(request, answer->response());
  }
  const bool chunked = !request.http_1_0;
  if (!chunked) close_after_ = true;  // the end of the stream is the end of the connection
  status_ = 200;
  std::string out = head(request, 200, "text/event-stream; charset=utf-8",
                         {{"cache-control", "no-cache"}, {"x-accel-buffering", "no"}});
  out += chunked ? "transfer-encoding: chunked\r\n\r\n" : "\r\n";
  const bool begun = co_await write(out, runtime_.options.write_timeout);
  bool complete = false;
  if (begun) complete = co_await follow(*answer, chunked);
  tokens_ = answer->generated_tokens();
  co_return complete;
}

// Advances the answer to its end, sending events as they come. False: the client is gone.
asio::awaitable<bool> Connection::follow(Answer& answer, bool chunked) {
  const bool streams = answer.streams();
  std::string events, frame;
  for (;;) {
    events.clear();
    auto progress = answer.advance(events);
    const bool interrupted = cut_ && progress != Answer::Progress::kDone;
    if (interrupted) {
      answer.interrupt(events);
      progress = Answer::Progress::kDone;
    }
    const bool done = progress == Answer::Progress::kDone;
    if (streams && (!events.empty() || done)) {
      frame.clear();
      if (chunked && !events.empty()) frame += fmt::format("{:x}\r\n", events.size());
      frame += events;
      if (chunked) frame += events.empty() ? "" : "\r\n";
      if (chunked && done) frame += "0\r\n\r\n";
      co_await write(frame, runtime_.options.write_timeout);
    }
    if (gone_) co_return false;
    if (done) co_return true;
    if (progress == Answer::Progress::kMore) continue;
    const bool woken = co_await wait_until(Clock::now() + runtime_.options.keep_alive);
    if (gone_) co_return false;
    if (!woken && streams) {
      frame = chunked ? fmt::format("{:x}\r\n{}\r\n", kSseKeepAlive.size(), kSseKeepAlive)
                      : std::string(kSseKeepAlive);
      co_await write(frame, runtime_.options.write_timeout);
    }
  }
}

}  // namespace holdfast
