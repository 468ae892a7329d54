#include "server/server.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "server/batch_runner.h"
#include "server/connection.h"
#include "server/cors.h"
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

using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;
using Unix = asio::local::stream_protocol;

Result<asio::generic::stream_protocol::endpoint> address_of(const ServerOptions& options) {
  if (!options.unix_socket.empty()) {
    if (options.unix_socket.size() >= sizeof(sockaddr_un::sun_path)) {
      return fail(Code::kInvalidArgument, "the path of a Unix socket is at most 107 bytes",
                  options.unix_socket);
    }
    return Unix::endpoint(options.unix_socket);
  }
  error_code ec;
  const auto address =
      asio::ip::make_address(options.host == "localhost" ? "127.0.0.1" : options.host, ec);
  if (ec) {
    return fail(Code::kInvalidArgument, fmt::format("'{}' is not an address", options.host),
                "--host", "0.0.0.0 or :: stands for all of this machine's");
  }
  if (!options.tls && !address.is_loopback()) {
    return fail(Code::kInvalidArgument,
                fmt::format("'{}' is not a loopback address, and plain HTTP is for this machine "
                            "only",
                            options.host),
                "--host", "leave out --insecure-loopback to serve it over TLS");
  }
  return tcp::endpoint(address, options.port);
}

// A socket's file outlives its server: one that nobody answers on is in the way.
void remove_dead_socket(const std::string& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return;
  asio::io_context io;
  Unix::socket probe(io);
  error_code ec;
  probe.connect(Unix::endpoint(path), ec);
  if (ec == asio::error::connection_refused) unlink(path.c_str());
}

Status open_acceptor(const ServerOptions& options, Acceptor& acceptor) {
  ASSIGN_OR_RETURN(const auto endpoint, address_of(options));
  const bool is_unix = !options.unix_socket.empty();
  error_code ec;
  acceptor.open(endpoint.protocol(), ec);
  if (is_unix) {
    remove_dead_socket(options.unix_socket);
    const mode_t mask = umask(0177);  // nobody else, not even for a moment
    if (!ec) acceptor.bind(endpoint, ec);
    umask(mask);
  } else {
    if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
    if (!ec) acceptor.bind(endpoint, ec);
  }
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (!ec) return {};
  if (is_unix) {
    return fail(Code::kUnavailable, fmt::format("cannot listen: {}", ec.message()),
                options.unix_socket, "choose another path; its folder must exist");
  }
  return fail(
      Code::kUnavailable,
      fmt::format("cannot listen on {} port {}: {}", options.host, options.port, ec.message()),
      "--port", "choose another port; 0 takes any free one");
}

uint16_t bound_port(const Acceptor& acceptor) {
  const auto endpoint = acceptor.local_endpoint();
  sockaddr_storage address{};
  std::memcpy(&address, endpoint.data(), std::min(endpoint.size(), sizeof(address)));
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

class HttpServer final : public Server {
 public:
  explicit HttpServer(const ServerOptions& options) : runtime_(options), acceptor_(runtime_.io) {}
  ~HttpServer() override { stop(0); }

  Status listen();
  void set_loaded(double share) override { runtime_.app.loaded = share; }
  void add_embedders(std::vector<std::shared_ptr<ServedEmbedder>> embedders) override {
    runtime_.app.embedders = std::move(embedders);
  }
  void serve(std::vector<std::shared_ptr<ServedModel>> models) override;
  uint16_t port() const override { return port_; }
  Status reload(const ReloadableOptions& options) override;
  void stop(int seconds) override;
  void wait() override {
    std::unique_lock lock(runtime_.mutex);
    runtime_.changed.wait(lock, [this] { return stopped_; });
  }

 private:
  using Clock = std::chrono::steady_clock;

  asio::awaitable<void> accept_all();
  void welcome(Connection::Socket socket);
  std::vector<std::shared_ptr<Connection>> live_connections();
  void finish();

  Runtime runtime_;
  Acceptor acceptor_;
  uint16_t port_ = 0;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
  std::vector<std::thread> threads_;
  // Guarded by runtime_.mutex.
  bool stopping_ = false, finishing_ = false, stopped_ = false;
  Clock::time_point cut_at_ = Clock::time_point::max();
};

void HttpServer::serve(std::vector<std::shared_ptr<ServedModel>> models) {
  runtime_.app.models = std::move(models);
  if (runtime_.app.jobs) {
    runtime_.app.batch_runner = std::make_shared<BatchRunner>(
        runtime_.app, runtime_.options.access.get(), runtime_.options.batch_lines);
  }
  runtime_.app.ready = true;
}

Status HttpServer::listen() {
  RETURN_IF_ERROR(reload(runtime_.options));
  RETURN_IF_ERROR(open_acceptor(runtime_.options, acceptor_));
  if (runtime_.transport != Transport::kUnix) port_ = bound_port(acceptor_);
  raise_file_limit();
  work_.emplace(runtime_.io.get_executor());
  asio::co_spawn(runtime_.io, accept_all(), asio::detached);
  for (int i = 0; i < std::max(1, runtime_.options.io_threads); ++i) {
    threads_.emplace_back([this] { runtime_.io.run(); });
  }
  return {};
}

Status HttpServer::reload(const ReloadableOptions& options) {
  for (const std::string& origin : options.cors_origins) RETURN_IF_ERROR(check_origin(origin));
  auto reloadable = std::make_shared<const ReloadableOptions>(options);
  std::shared_ptr<const TlsContext> tls;
  if (runtime_.options.tls) {
    ASSIGN_OR_RETURN(tls, TlsContext::load(*runtime_.options.tls));
  }
  if (runtime_.options.access) RETURN_IF_ERROR(runtime_.options.access->reload());
  const std::lock_guard lock(runtime_.mutex);
  runtime_.tls = std::move(tls);
  runtime_.reloadable = std::move(reloadable);
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

void HttpServer::welcome(Connection::Socket socket) {
  const auto executor = socket.get_executor();
  std::shared_ptr<const TlsContext> tls;
  {
    const std::lock_guard lock(runtime_.mutex);
    tls = runtime_.tls;
  }
  auto connection = std::make_shared<Connection>(std::move(socket), std::move(tls), runtime_);
  uint64_t number = 0;
  bool room = false;
  {
    const std::lock_guard lock(runtime_.mutex);
    const auto most = static_cast<size_t>(runtime_.reloadable->max_connections);
    // Telling those who are turned away takes connections, too.
    if (stopping_ || runtime_.live.size() >= 2 * most) return;
    number = runtime_.next_connection++;
    room = runtime_.live.size() < most;
    runtime_.live.emplace(number, connection);
    runtime_.app.connections = static_cast<int>(runtime_.live.size());
  }
  asio::co_spawn(executor, room ? connection->run() : connection->turn_away(),
                 [this, number, connection](const std::exception_ptr& failure) {
                   if (failure) spdlog::error("a connection failed");
                   const std::lock_guard lock(runtime_.mutex);
                   runtime_.live.erase(number);
                   runtime_.app.connections = static_cast<int>(runtime_.live.size());
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
    if (runtime_.app.batch_runner) runtime_.app.batch_runner->stop();
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
  if (runtime_.transport == Transport::kUnix) unlink(runtime_.options.unix_socket.c_str());
  lock.lock();
  stopped_ = true;
  runtime_.changed.notify_all();
}

}  // namespace

Status Server::check_address(const ServerOptions& options) {
  if (options.tls) RETURN_IF_ERROR(TlsContext::load(*options.tls));
  asio::io_context io;
  Acceptor acceptor(io);
  const Status status = open_acceptor(options, acceptor);
  if (status && !options.unix_socket.empty()) unlink(options.unix_socket.c_str());
  return status;
}

Result<std::unique_ptr<Server>> Server::open(const ServerOptions& options) {
  auto server = std::make_unique<HttpServer>(options);
  RETURN_IF_ERROR(server->listen());
  return std::unique_ptr<Server>(std::move(server));
}

Result<std::unique_ptr<Server>> Server::start(std::vector<std::shared_ptr<ServedModel>> models,
                                              const ServerOptions& options) {
  ASSIGN_OR_RETURN(auto server, open(options));
  server->serve(std::move(models));
  return server;
}

}  // namespace holdfast
