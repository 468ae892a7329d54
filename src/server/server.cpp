#include "server/server.h"

#include <thread>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <sys/resource.h>

#include "base/log.h"
#include "server/connection.h"
#include "server/runtime.h"

namespace holdfast {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// A connection is a file descriptor, and the soft limit is often 1024.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

Status open_acceptor(const ServerOptions& options, tcp::acceptor& acceptor) {
  error_code ec;
  const auto address =
      asio::ip::make_address(options.host == "localhost" ? "127.0.0.1" : options.host, ec);
  if (ec || !address.is_loopback()) {
    return fail(Code::kInvalidArgument,
                fmt::format("'{}' is not a loopback address, and this version serves plain HTTP "
                            "only",
                            options.host),
                "--host", "use 127.0.0.1 or ::1");
  }
  const tcp::endpoint endpoint(address, options.port);
  acceptor.open(endpoint.protocol(), ec);
  if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec) acceptor.bind(endpoint, ec);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) {
    return fail(
        Code::kUnavailable,
        fmt::format("cannot listen on {} port {}: {}", options.host, options.port, ec.message()),
        "--port", "choose another port; 0 takes any free one");
  }
  return {};
}

class HttpServer final : public Server {
 public:
  explicit HttpServer(const ServerOptions& options) : runtime_(options), acceptor_(runtime_.io) {}
  ~HttpServer() override { stop(0); }

  Status listen(std::vector<std::shared_ptr<ServedModel>> models);
  uint16_t port() const override { return port_; }
  void stop(int seconds) override;
  void wait() override {
    std::unique_lock lock(runtime_.mutex);
    runtime_.changed.wait(lock, [this] { return stopped_; });
  }

 private:
  using Clock = std::chrono::steady_clock;

  asio::awaitable<void> accept_all();
  void welcome(tcp::socket socket);
  std::vector<std::shared_ptr<Connection>> live_connections();
  void finish();

  Runtime runtime_;
  tcp::acceptor acceptor_;
  uint16_t port_ = 0;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
  std::vector<std::thread> threads_;
  // Guarded by runtime_.mutex.
  bool stopping_ = false, finishing_ = false, stopped_ = false;
  Clock::time_point cut_at_ = Clock::time_point::max();
};

Status HttpServer::listen(std::vector<std::shared_ptr<ServedModel>> models) {
  runtime_.app.models = std::move(models);
  RETURN_IF_ERROR(open_acceptor(runtime_.options, acceptor_));
  port_ = acceptor_.local_endpoint().port();
  raise_file_limit();
  work_.emplace(runtime_.io.get_executor());
  asio::co_spawn(runtime_.io, accept_all(), asio::detached);
  for (int i = 0; i < std::max(1, runtime_.options.io_threads); ++i) {
    threads_.emplace_back([this] { runtime_.io.run(); });
  }
  return {};
}

asio::awaitable<void> HttpServer::accept_all() {
  asio::steady_timer pause(runtime_.io);
  while (acceptor_.is_open()) {
    auto [ec, socket] = co_await acceptor_.async_accept(asio::make_strand(runtime_.io),
                                                        asio::as_tuple(asio::use_awaitable));
    if (!ec) {
      welcome(std::move(socket));
    } else if (acceptor_.is_open()) {  // out of file descriptors, most likely: let some go
      pause.expires_after(std::chrono::milliseconds(100));
      co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
    }
  }
}

void HttpServer::welcome(tcp::socket socket) {
  const auto executor = socket.get_executor();
  auto connection = std::make_shared<Connection>(std::move(socket), runtime_);
  uint64_t number = 0;
  bool room = false;
  {
    const std::lock_guard lock(runtime_.mutex);
    const auto most = static_cast<size_t>(runtime_.options.max_connections);
    // Telling those who are turned away takes connections, too.
    if (stopping_ || runtime_.live.size() >= 2 * most) return;
    number = runtime_.next_connection++;
    room = runtime_.live.size() < most;
    runtime_.live.emplace(number, connection);
  }
  asio::co_spawn(executor, room ? connection->run() : connection->turn_away(),
                 [this, number, connection](const std::exception_ptr& failure) {
                   if (failure) spdlog::error("a connection failed");
                   const std::lock_guard lock(runtime_.mutex);
                   runtime_.live.erase(number);
                   runtime_.changed.notify_all();
                 });
}

std::vector<std::shared_ptr<Connection>> HttpServer::live_connections() {
  const std::lock_guard lock(runtime_.mutex);
  std::vector<std::shared_ptr<Connection>> out;
  for (const auto& [number, weak] : runtime_.live) {
    if (auto connection = weak.lock()) out.push_back(std::move(connection));
  }
  return out;
}

void HttpServer::stop(int seconds) {
  bool first = false;
  {
    const std::lock_guard lock(runtime_.mutex);
    first = !stopping_;
    stopping_ = true;
    cut_at_ = std::min(cut_at_, Clock::now() + std::chrono::seconds(seconds));
    runtime_.changed.notify_all();
  }
  if (first) {
    runtime_.app.draining = true;
    asio::post(runtime_.io, [this] {
      error_code ignored;
      acceptor_.close(ignored);
    });
    for (const auto& connection : live_connections()) connection->drain();
  }
  {
    std::unique_lock lock(runtime_.mutex);
    while (!runtime_.live.empty() && Clock::now() < cut_at_) {
      runtime_.changed.wait_until(lock, cut_at_);
    }
  }
  for (const auto& connection : live_connections()) connection->cut();
  finish();
}

// Once all connections are over: they close their sockets when cut, so this is soon.
void HttpServer::finish() {
  std::unique_lock lock(runtime_.mutex);
  runtime_.changed.wait(lock, [this] { return runtime_.live.empty(); });
  if (finishing_) {
    runtime_.changed.wait(lock, [this] { return stopped_; });
    return;
  }
  finishing_ = true;
  lock.unlock();
  runtime_.workers.join();
  work_.reset();
  for (std::thread& thread : threads_) thread.join();
  lock.lock();
  stopped_ = true;
  runtime_.changed.notify_all();
}

}  // namespace

Status Server::check_address(const ServerOptions& options) {
  asio::io_context io;
  tcp::acceptor acceptor(io);
  return open_acceptor(options, acceptor);
}

Result<std::unique_ptr<Server>> Server::start(std::vector<std::shared_ptr<ServedModel>> models,
                                              const ServerOptions& options) {
  auto server = std::make_unique<HttpServer>(options);
  RETURN_IF_ERROR(server->listen(std::move(models)));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace holdfast
