// What all connections share. Includes Asio: for connection.cpp and server.cpp only.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "server/app.h"
#include "server/gate.h"
#include "server/server.h"

namespace holdfast {

class Connection;

struct Runtime {
  explicit Runtime(const ServerOptions& server_options)
      : options(server_options),
        transport(server_options.tls                    ? Transport::kTls
                  : !server_options.unix_socket.empty() ? Transport::kUnix
                                                        : Transport::kLoopback),
        workers(static_cast<size_t>(server_options.worker_threads)) {
    app.auditor = server_options.auditor;
    app.jobs = server_options.jobs;
    reloadable = std::make_shared<const ReloadableOptions>(server_options);
    app.reasoning_field = server_options.reasoning_field;
    app.request_timeout = server_options.request_timeout;
  }

  App app;
  const ServerOptions options;
  const Transport transport;
  boost::asio::io_context io;
  boost::asio::thread_pool workers;

  std::mutex mutex;
  std::shared_ptr<const TlsContext> tls;  // of new connections; null without TLS
  std::condition_variable changed;        // a connection ended, or the time to stop moved
  std::map<uint64_t, std::weak_ptr<Connection>> live;
  uint64_t next_connection = 0;
  std::shared_ptr<const ReloadableOptions> reloadable;  // never null; use current()

  // As of now, from any thread.
  std::shared_ptr<const ReloadableOptions> current() {
    const std::lock_guard lock(mutex);
    return reloadable;
  }
};

}  // namespace holdfast
