// How a connection answers one request.
#include <atomic>
#include <exception>
#include <mutex>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/log_format.h"
#include "server/connection.h"
#include "server/sse.h"

namespace holdfast {

namespace asio = boost::asio;

namespace {

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

}  // namespace

asio::awaitable<bool> Connection::serve(const std::shared_ptr<HttpRequest>& shared) {
  const HttpRequest& request = *shared;
  const auto begin = Clock::now();
  status_ = 0;
  tokens_ = 0;
  discarded_ = 0;
  const Route* route = passage_.match.route;
  if (route != nullptr && route->metered && runtime_.options.access) {
    auto admitted = runtime_.options.access->admit(*passage_.caller);
    if (auto* refusal = std::get_if<QuotaRefusal>(&admitted)) {
      passage_.refusal = quota_error(*refusal);
    } else {
      admission_ = std::move(std::get<Admission>(admitted));
    }
    for (auto& field : rate_limit_fields(*runtime_.options.access, *passage_.caller)) {
      passage_.fields.push_back(std::move(field));
    }
  }
  Reply reply;
  if (passage_.refusal) {
    reply = passage_.refusal->response(passage_.errors);
  } else if (passage_.answer) {
    reply = std::move(*passage_.answer);
  } else if (!runtime_.app.ready && route->permission != kPublic) {
    reply = still_loading(runtime_.app).response(passage_.errors);
  } else {
    reply = co_await call_route(shared);
  }
  bool sent = false;
  if (auto* answer = std::get_if<std::unique_ptr<Answer>>(&reply)) {
    if (!gone_) sent = co_await send_answer(request, std::move(*answer));
  } else if (!gone_) {
    sent = co_await send_response(request, std::move(std::get<HttpResponse>(reply)));
  }
  admission_ = {};
  runtime_.app.metrics->count_request(route != nullptr ? route->pattern : "", sent ? status_ : 499);
  const auto spent = std::chrono::duration_cast<Milliseconds>(Clock::now() - begin);
  note_request(request, route, sent ? status_ : 499, spent.count());
  co_return sent;
}

void Connection::note_request(const HttpRequest& request, const Route* route, int status,
                              int64_t milliseconds) const {
  const std::string method = request.method.substr(0, 16);
  const std::string_view pattern = route != nullptr ? route->pattern : "(no route)";
  const std::string name = passage_.caller ? passage_.caller->name : "-";
  std::vector<LogField> fields{
      {"method", method},  {"route", pattern}, {"status", int64_t{status}}, {"ms", milliseconds},
      {"tokens", tokens_}, {"caller", name},   {"request_id", request.id}};
  if (passage_.caller && !passage_.caller->tenant.empty()) {
    fields.push_back({"tenant", passage_.caller->tenant});
  }
  if (passage_.trace) {
    fields.push_back({"trace_id", passage_.trace->trace_id});
    fields.push_back({"span_id", passage_.trace->span_id});
    fields.push_back({"parent_span_id", passage_.trace->parent_id});
  }
  log_event("request",
            fmt::format("{} {} {} {} ms {} tokens {} {}", method, pattern, status, milliseconds,
                        tokens_, name, request.id),
            fields);
}

asio::awaitable<Reply> Connection::call_route(std::shared_ptr<HttpRequest> request) {
  // The worker may outlive this coroutine when the client leaves: what it needs is in the job.
  struct Job {
    std::shared_ptr<HttpRequest> request;
    RouteMatch match;
    std::shared_ptr<const Caller> caller;
    Reply reply;
    bool done = false;  // on the strand

    void run(App& app) {
      try {
        reply = match.route->handle({app, *request, match.rest, *caller});
      } catch (const std::exception& failure) {  // memory, most likely: other requests go on
        spdlog::error("{} {}: {}", match.route->pattern, request->id, failure.what());
        reply = to_api_error({Code::kInternal, "The server failed on this request"})
                    .response(match.route->errors);
      }
      request->body = {};  // it may be large, and the answer may take long
    }
  };
  auto job = std::make_shared<Job>();
  job->request = std::move(request);
  job->match = passage_.match;
  job->caller = passage_.caller;
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
  co_return stopping.response(passage_.errors);
}

asio::awaitable<bool> Connection::send_answer(const HttpRequest& request,
                                              std::unique_ptr<Answer> answer) {
  const auto waker = std::make_shared<Waker>(socket_.get_executor(), weak_from_this());
  const WakerCloser closer{waker};
  answer->on_ready([waker] { waker->fire(); });
  start_read();
  if (!answer->streams()) {
    const bool complete = co_await follow(*answer, false);
    if (!complete) co_return false;
    HttpResponse response = answer->response();
    for (auto& field : answer->fields()) response.fields.push_back(std::move(field));
    co_return co_await send_response(request, std::move(response));
  }
  const bool chunked = !request.http_1_0;
  if (!chunked) close_after_ = true;  // the end of the stream is the end of the connection
  status_ = 200;
  HttpFields fields{{"cache-control", "no-cache"}, {"x-accel-buffering", "no"}};
  for (auto& field : answer->fields()) fields.push_back(std::move(field));
  std::string out = head(request, 200, "text/event-stream; charset=utf-8", fields);
  out += chunked ? "transfer-encoding: chunked\r\n\r\n" : "\r\n";
  const bool begun = co_await write(out, runtime_.options.write_timeout);
  bool complete = false;
  if (begun) complete = co_await follow(*answer, chunked);
  co_return complete;
}

void Connection::note_usage(const Usage& usage) {
  tokens_ = usage.completion_tokens;
  admission_.charge(int64_t{usage.prompt_tokens} + usage.completion_tokens, usage.reasoning_tokens);
}

// Advances the answer to its end, sending events as they come. False: the client is gone.
asio::awaitable<bool> Connection::follow(Answer& answer, bool chunked) {
  const bool streams = answer.streams();
  std::string events, frame;
  auto last_words = Clock::now();  // when the client last heard from us
  for (;;) {
    events.clear();
    auto progress = answer.advance(events);
    note_usage(answer.usage());
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
      last_words = Clock::now();
    }
    if (gone_) co_return false;
    if (done) co_return true;
    if (progress == Answer::Progress::kMore) continue;
    // Also while tokens come of which nothing is told (hidden thinking).
    co_await wait_until(last_words + runtime_.options.keep_alive);
    if (gone_) co_return false;
    if (Clock::now() >= last_words + runtime_.options.keep_alive) {
      last_words = Clock::now();
      if (!streams) continue;
      frame = chunked ? fmt::format("{:x}\r\n{}\r\n", kSseKeepAlive.size(), kSseKeepAlive)
                      : std::string(kSseKeepAlive);
      co_await write(frame, runtime_.options.write_timeout);
    }
  }
}

}  // namespace holdfast
