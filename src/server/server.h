// The HTTP server: a listener, one table of routes, one file for each API family.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/served_model.h"

namespace holdfast {

struct ServerOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 8080;  // 0: any free one
  int io_threads = 1;
  uint64_t max_body_bytes = 16u << 20;
};

class Server {
 public:
  // Binds and starts its I/O threads. unavailable when the address is in use (named).
  static Result<std::unique_ptr<Server>> start(std::vector<std::shared_ptr<ServedModel>> models,
                                               const ServerOptions& options);
  virtual ~Server() = default;  // stops as stop() does

  virtual uint16_t port() const = 0;
  // No new connections; what is running may finish for up to `seconds`, then is cut.
  virtual void stop(int seconds) = 0;
  virtual void wait() = 0;  // until stopped
};

}  // namespace holdfast
