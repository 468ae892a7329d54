// The HTTP server: a listener, one table of routes, one file for each API family.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "access/access_control.h"
#include "base/result.h"
#include "engine/served_embedder.h"
#include "engine/served_model.h"
#include "server/auditor.h"
#include "server/reasoning_field.h"
#include "server/tls_context.h"

namespace holdfast {

class JobStore;

// What a running server can be told anew.
struct ReloadableOptions {
  uint64_t max_body_bytes = 16u << 20;
  int max_connections = 4096;             // 503 above
  std::vector<std::string> cors_origins;  // whose web pages may use the server (cors.h)
};

struct ServerOptions : ReloadableOptions {
  // Without TLS loopback addresses only: 127.0.0.0/8, ::1 or "localhost".
  std::string host = "127.0.0.1";
  uint16_t port = 8080;  // 0: any free one
  std::optional<TlsFiles> tls;
  // Plain HTTP on this Unix socket, for its owner alone, instead of host and port.
  std::string unix_socket;
  // Who may do what. None: whoever reaches the server is its one user, who may do everything.
  std::shared_ptr<AccessControl> access;
  ReasoningField reasoning_field = ReasoningField::kReasoningContent;  // in chat answers
  std::shared_ptr<Auditor> auditor;  // what puts answers on record; null: nothing does
  std::shared_ptr<JobStore> jobs;    // files and batches; null: the server has none
  int batch_lines = 8;               // of batches, run at once
  int io_threads = 1;
  int worker_threads = 2;  // parse bodies, render templates, tokenize
  uint32_t max_head_bytes = 16u << 10;
  double request_timeout = 0;  // seconds an answer may take, its wait included; 0: any
  std::chrono::milliseconds handshake_timeout{10'000};  // TLS, from the first byte to the last
  std::chrono::milliseconds idle_timeout{75'000};       // between requests: closes
  std::chrono::milliseconds head_timeout{10'000};       // from a head's first byte to its last: 408
  // A body may take this long, and a second more for each 32 KiB that came: 408.
  std::chrono::milliseconds body_timeout{30'000};
  std::chrono::milliseconds write_timeout{30'000};  // 64 KiB unread for so long: closes
  std::chrono::milliseconds keep_alive{15'000};     // a quiet event stream gets a comment
};

class Server {
 public:
  // Whether start() could listen there now: worth knowing before a model is loaded.
  static Status check_address(const ServerOptions& options);
  // Binds and starts its I/O threads. Answers health checks; all else gets 503 until serve().
  // unavailable when the address is in use (named),
  // invalid_argument for a host that is not loopback, without TLS, or for wrong certificates.
  static Result<std::unique_ptr<Server>> open(const ServerOptions& options);
  // open() and serve().
  static Result<std::unique_ptr<Server>> start(std::vector<std::shared_ptr<ServedModel>> models,
                                               const ServerOptions& options);
  virtual ~Server() = default;  // stops as stop() does

  // How much of the models is loaded, 0 to 1.
  virtual void set_loaded(double share) = 0;
  // Before serve(): these give embeddings, or rerank.
  virtual void add_embedders(std::vector<std::shared_ptr<ServedEmbedder>> embedders) = 0;
  // Once: these are the models.
  virtual void serve(std::vector<std::shared_ptr<ServedModel>> models) = 0;

  virtual uint16_t port() const = 0;  // 0 on a Unix socket
  // Takes these options, and reads the certificates and the access policy again; connections that
  // are open keep their certificates. When anything is wrong, nothing changes.
  virtual Status reload(const ReloadableOptions& options) = 0;
  // No new connections; what is running may finish for up to `seconds`, then is cut. Returns when
  // all is over. A second call, from another thread, may shorten the time.
  virtual void stop(int seconds) = 0;
  virtual void wait() = 0;  // until stopped
};

}  // namespace holdfast
