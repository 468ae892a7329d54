// What `holdfast serve` can be told, on its command line or in holdfast.yaml.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/audit_option.h"
#include "cli/embed_option.h"
#include "cli/model_opener.h"
#include "cli/model_option.h"
#include "cli/sandbox_option.h"
#include "cli/speculate_option.h"
#include "server/server.h"

namespace CLI {
class App;
}

namespace holdfast::cli {

struct ServeOptions {
  OpenOptions open;
  std::vector<std::string> models, embed;
  std::optional<Pooling> pooling;  // of what gives embeddings
  std::vector<std::string> aliases;
  ServerOptions server;
  AuditFlags audit;
  SandboxFlags sandbox;
  std::string config;
  bool insecure_loopback = false;
  TlsFiles tls;
  std::string client_auth = "required";
  std::string access_file;
  std::vector<std::string> names;  // further ones of this server
  int threads = 0;
  int context = 0;
  int parallel = 64;
  int step_ms = 200;
  int max_waiting = 512;
  int64_t max_waiting_tokens = 0;
  std::vector<std::string> shared_prompts;  // files, then what they hold
  KvType kv_type = KvType::kQ16;
  uint64_t kv_memory = 0;
  SpeculateOption speculate;
  int grace = 30;
  bool json = false;
};

void add_serve_options(CLI::App& command, ServeOptions& options);

// What SIGHUP may change; a file that changes anything else is refused then.
inline constexpr std::array<std::string_view, 4> kReloadable{"--cors-origin", "--grace",
                                                             "--max-body", "--max-connections"};

}  // namespace holdfast::cli
