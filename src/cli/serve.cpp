// holdfast serve: models behind OpenAI's HTTP API.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/log.h"
#include "base/state_file.h"
#include "cli/access_file.h"
#include "cli/command.h"
#include "cli/config_option.h"
#include "cli/progress.h"
#include "cli/serve_options.h"
#include "engine/served_embedder.h"
#include "engine/served_model.h"
#include "files/json_writer.h"
#include "files/model_digest.h"
#include "files/model_file.h"
#include "server/job_store.h"
#include "server/private_ca.h"

namespace holdfast::cli {
namespace {

// SIGINT, SIGTERM ('s') and SIGHUP ('h') become bytes in a pipe, which the main thread reads.
int signal_pipe[2] = {-1, -1};

void on_signal(int signal) {
  const int saved = errno;
  [[maybe_unused]] const ssize_t written = write(signal_pipe[1], signal == SIGHUP ? "h" : "s", 1);
  errno = saved;
}

Status catch_signals() {
  if (pipe2(signal_pipe, O_CLOEXEC) != 0) {
    return fail(Code::kUnavailable, "cannot make a pipe for signals");
  }
  struct sigaction action {};
  action.sa_handler = on_signal;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
  for (const int signal : {SIGPIPE, SIGXFSZ}) std::signal(signal, SIG_IGN);  // they are errors
  return {};
}

char wait_for_signal() {
  char byte = 's';
  while (read(signal_pipe[0], &byte, 1) < 0 && errno == EINTR) {
  }
  return byte;
}

void wait_for_stop() {
  while (wait_for_signal() != 's') {
  }
}

// What clients call a model unless --alias says otherwise: the file's or directory's own name.
std::string id_from_path(const std::string& path) {
  std::filesystem::path name = std::filesystem::path(path).lexically_normal();
  if (!name.has_filename()) name = name.parent_path();
  if (name.extension() == ".gguf") name.replace_extension();
  const std::string text = name.filename().string();
  // "model-00001-of-00004": the first file of a split model.
  constexpr std::string_view kFirst = "-00001-of-";
  const size_t split = text.rfind(kFirst);
  return split != std::string::npos && text.size() == split + kFirst.size() + 5
             ? text.substr(0, split)
             : text;
}

// All that is served; ids are in the order of the command line.
struct Served {
  std::vector<std::shared_ptr<ServedModel>> models;
  std::vector<std::shared_ptr<ServedEmbedder>> embedders;
  std::vector<std::pair<std::string, std::string>> ids;  // and digests, where there are any
};

// One model of the command line.
struct ToLoad {
  std::string path;
  FileOpener opener;
  std::string id;
  bool embeds = false;  // though it may be no encoder
};

// Records name a model by its digest, which is computed while it loads.
class DigestOf {
 public:
  DigestOf(const ServeOptions& options, const std::string& path) {
    if (options.audit.on()) digest_ = std::async(std::launch::async, model_digest, path);
  }
  // "cpu avx2, 2 threads": the number of threads changes nothing.
  template <class M>
  Status give_to(M& model, const std::string& computes_on, const std::string& kv_type) {
    if (!digest_.valid()) return {};
    ASSIGN_OR_RETURN(std::string value, digest_.get());
    model.set_provenance({std::move(value), computes_on.substr(0, computes_on.find(',')), kv_type});
    return {};
  }

 private:
  std::future<Result<std::string>> digest_;
};

// `loaded` is told this model's share, 0 to 1.
Status load(const ServeOptions& options, const ToLoad& what, const LoadProgress& loaded,
            Served& out) {
  ASSIGN_OR_RETURN(auto backend, make_backend(options.threads));
  const std::string computes_on = backend->describe();
  spdlog::info("loading {} ({})", what.path, computes_on);
  ProgressLine line("loading " + what.path);
  const LoadProgress progress = [&](double share) {
    line.show(share);
    loaded(share);
  };
  DigestOf digest(options, what.path);
  ASSIGN_OR_RETURN(const auto file, ModelFile::open(what.path, what.opener));
  if (what.embeds || file->config().is_encoder()) {
    ServedEmbedderOptions served;
    served.opener = what.opener;
    served.id = what.id;
    served.pooling = options.pooling;
    served.progress = progress;
    ASSIGN_OR_RETURN(auto model, ServedEmbedder::load(what.path, std::move(backend), served));
    RETURN_IF_ERROR(digest.give_to(*model, computes_on, ""));
    spdlog::info("serving '{}', {}, texts of up to {} tokens", model->id(),
                 model->reranks() ? "a reranker"
                                  : fmt::format("embeddings of {} dimensions", model->dimensions()),
                 model->context());
    out.ids.emplace_back(model->id(), model->provenance().sha256);
    out.embedders.push_back(std::move(model));
    return {};
  }
  ServedModelOptions served;
  served.opener = what.opener;
  served.id = what.id;
  served.engine.max_sequences = options.parallel;
  served.shared_prompts = options.shared_prompts;
  served.engine.step_seconds = options.step_ms / 1000.0;
  served.engine.max_waiting = options.max_waiting;
  served.engine.max_waiting_tokens = options.max_waiting_tokens;
  served.engine.context = options.context;
  served.engine.kv_bytes = static_cast<int64_t>(options.kv_memory);
  served.engine.kv_type = options.kv_type;
  served.progress = progress;
  RETURN_IF_ERROR(set_speculation(options.speculate, served));
  ASSIGN_OR_RETURN(auto model, ServedModel::load(what.path, std::move(backend), served));
  RETURN_IF_ERROR(digest.give_to(*model, computes_on, kv_type_name(options.kv_type)));
  spdlog::info("serving '{}', context {} tokens", model->id(), model->context());
  out.ids.emplace_back(model->id(), model->provenance().sha256);
  out.models.push_back(std::move(model));
  return {};
}

// The line a script waits for.
void announce(const ServeOptions& options, const Served& served, uint16_t port,
              const std::string& authority) {
  const bool is_unix = !options.server.unix_socket.empty();
  const std::string host = options.server.host.find(':') == std::string::npos
                               ? options.server.host
                               : "[" + options.server.host + "]";
  const std::string url =
      is_unix ? "unix:" + options.server.unix_socket
              : fmt::format("{}://{}:{}", options.server.tls ? "https" : "http", host, port);
  if (options.json) {
    JsonWriter w(JsonWriter::kCompact);
    w.begin_object().field("url", url);
    if (!is_unix) w.field("host", options.server.host).field("port", port);
    if (!authority.empty()) w.field("ca", authority);
    w.key("models").begin_array();
    for (const auto& [id, digest] : served.ids) w.value(id);
    w.end_array().end_object();
    std::printf("%s\n", w.text().c_str());
  } else {
    std::printf("listening on %s\n", url.c_str());
  }
  std::fflush(stdout);
  if (!options.server.tls) spdlog::info("plain HTTP for this machine only");
}

void explain_authority(const PrivateCertificate& made) {
  if (made.new_authority) spdlog::info("made a private certificate authority");
  spdlog::info("clients trust this server through {}:", made.authority);
  spdlog::info("  curl --cacert {0}, or SSL_CERT_FILE={0} for Python", made.authority);
}

// The certificate in use: the one that was named, or one of a private authority of ours, whose file
// is returned.
Result<std::string> choose_certificate(ServeOptions& options) {
  const bool named = !options.tls.certificate.empty() || !options.tls.key.empty();
  const bool plain = options.insecure_loopback || !options.server.unix_socket.empty();
  if (plain && (named || !options.tls.client_ca.empty())) {
    return fail(Code::kInvalidArgument, "certificates are for TLS, and this is plain HTTP",
                options.insecure_loopback ? "--insecure-loopback" : "--unix");
  }
  if (plain) return std::string();
  if (named && (options.tls.certificate.empty() || options.tls.key.empty())) {
    return fail(Code::kInvalidArgument, "a certificate and its key are named together",
                options.tls.key.empty() ? "--tls-key" : "--tls-cert");
  }
  std::string authority;
  if (!named) {
    std::vector<std::string> names = {"localhost", "127.0.0.1", "::1"};
    char own[256] = {};
    if (gethostname(own, sizeof(own) - 1) == 0 && *own != '\0') names.emplace_back(own);
    const bool any = options.server.host == "0.0.0.0" || options.server.host == "::";
    if (!any) names.push_back(options.server.host);
    names.insert(names.end(), options.names.begin(), options.names.end());
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    const std::string folder = (std::filesystem::path(home_directory()) / "tls").string();
    ASSIGN_OR_RETURN(const PrivateCertificate made, private_certificate(folder, names));
    explain_authority(made);
    options.tls.certificate = made.files.certificate;
    options.tls.key = made.files.key;
    authority = made.authority;
  }
  options.tls.client_certificate_required = options.client_auth == "required";
  options.server.tls = options.tls;
  return authority;
}

Status record_start(Auditor& auditor, const Served& served) {
  JsonWriter w(JsonWriter::kCompact);
  w.begin_object().field("event", "server.started").field("version", HOLDFAST_VERSION);
  w.key("models").begin_array();
  for (const auto& [id, digest] : served.ids) {
    w.begin_object().field("id", id).field("sha256", digest).end_object();
  }
  w.end_array().end_object();
  return auditor.log().append_and_wait(w.take());
}

// The first administrator's key: on the terminal, or else in a file, but never in a log.
Status show_first_key(const NewKey& made) {
  if (isatty(STDERR_FILENO) == 1) {
    std::fprintf(stderr, "holdfast: the first administrator's key, shown this once:\n  %s\n",
                 made.secret.c_str());
    return {};
  }
  const std::string path = (std::filesystem::path(home_directory()) / "first-admin.key").string();
  RETURN_IF_ERROR(write_state_file(path, made.secret + "\n", Access::kOwner));
  spdlog::warn("the first administrator's key is in {}: take it and remove the file", path);
  return {};
}

// With a policy everybody shows who they are, however they come. Without one, plain HTTP is for one
// local user; over TLS there are keys, the first of which is made here.
Status choose_access(ServeOptions& options) {
  const std::string file = find_access_file(options.access_file);
  if (file.empty() && !options.server.tls) {
    spdlog::info("no access_control.yaml: whoever reaches this server may do everything");
    return {};
  }
  AccessControl::Options access;
  access.folder = home_directory();
  access.policy_file = file;
  ASSIGN_OR_RETURN(options.server.access, AccessControl::open(std::move(access)));
  ASSIGN_OR_RETURN(const auto keys, options.server.access->keys().list());
  if (!file.empty() || !keys.empty()) return {};
  KeyInfo first;
  first.owner = "admin";
  first.roles = {"admin"};
  first.note = "made at first start";
  ASSIGN_OR_RETURN(const NewKey made,
                   options.server.access->keys().create(first, std::time(nullptr)));
  return show_first_key(made);
}

// All or nothing: what the config file, the certificates and the access policy say now.
Status reload(Server& server, LiveConfig& config, int& grace) {
  CLI::App command;
  ServeOptions fresh;
  add_serve_options(command, fresh);
  RETURN_IF_ERROR(config.apply_again(command, kReloadable));
  RETURN_IF_ERROR(server.reload(fresh.server));
  grace = fresh.grace;
  return {};
}

void serve_until_stopped(Server& server, LiveConfig& config, int& grace) {
  while (wait_for_signal() != 's') {
    if (const Status status = reload(server, config, grace); !status) {
      spdlog::error("nothing reloaded: {}", to_string(status.error()));
    } else {
      spdlog::info("reloaded");
    }
  }
}

// All that a server of these models touches after its start.
Result<SandboxPaths> paths_of(const ServeOptions& options, const std::vector<std::string>& models) {
  SandboxPaths paths;
  for (const std::string& path : models) allow_model(path, paths);
  if (const std::string& draft = options.speculate.source; !draft.empty() && draft != "lookup") {
    ASSIGN_OR_RETURN(const std::string path, resolve_model(draft));
    allow_model(path, paths);
  }
  paths.write.push_back(home_directory());
  for (const std::string& folder : {options.audit.folder, options.audit.keys, options.audit.cold}) {
    if (folder.empty() || folder == "off") continue;
    RETURN_IF_ERROR(make_private_folder(folder));
    paths.write.push_back(folder);
  }
  allow_folder_of(options.server.unix_socket, paths.write);
  allow_folder_of(options.config, paths.read);
  for (const std::string& file :
       {options.tls.certificate, options.tls.key, options.tls.client_ca}) {
    allow_folder_of(file, paths.read);
  }
  if (const std::string policy = find_access_file(options.access_file); !policy.empty()) {
    allow_folder_of(policy, paths.read);
    ASSIGN_OR_RETURN(const AccessPolicy access, AccessPolicy::load(policy));
    for (const Issuer& issuer : access.issuers) allow_folder_of(issuer.jwks_file, paths.read);
  }
  for (const std::string& socket : options.audit.syslog) paths.read.push_back(socket);
  return paths;
}

Status serve(ServeOptions options, LiveConfig& config) {
  std::vector<std::string> names = options.models;
  names.insert(names.end(), options.embed.begin(), options.embed.end());
  if (names.empty()) names.emplace_back();  // the demo model
  if (options.aliases.size() > names.size()) {
    return fail(Code::kInvalidArgument, "more names than models", "--alias",
                "the first --alias names the first MODEL, and so on");
  }
  RETURN_IF_ERROR(make_private_folder(home_directory()));
  std::vector<std::string> files;  // or directories: the models'
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(std::string path, resolve_model(name));
    files.push_back(std::move(path));
  }
  ASSIGN_OR_RETURN(const SandboxPaths paths, paths_of(options, files));
  for (std::string& prompt : options.shared_prompts) {
    ASSIGN_OR_RETURN(prompt, read_small_file(prompt));
    if (prompt.ends_with('\n')) prompt.pop_back();
  }
  // Keys come from places that the server cannot reach later on.
  std::vector<FileOpener> openers;
  for (const std::string& path : files) {
    ASSIGN_OR_RETURN(auto opener, make_opener(options.open, path));
    openers.push_back(std::move(opener));
  }
  RETURN_IF_ERROR(begin_sandbox(options.sandbox, paths));
  ASSIGN_OR_RETURN(const std::string authority, choose_certificate(options));
  RETURN_IF_ERROR(Server::check_address(options.server));
  RETURN_IF_ERROR(choose_access(options));
  ASSIGN_OR_RETURN(options.server.auditor, open_auditor(options.audit));
  if (auto jobs = JobStore::open(home_directory() + "/jobs")) {
    options.server.jobs = std::move(*jobs);
  } else if (jobs.error().code == Code::kUnavailable) {
    spdlog::warn("no files and batches: {}", to_string(jobs.error()));
  } else {
    return tl::unexpected(jobs.error());
  }
  // Listens from here on, so that health checks see how far loading is.
  ASSIGN_OR_RETURN(auto server, Server::open(options.server));
  Served served;
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string alias = i < options.aliases.size() ? options.aliases[i] : "";
    const std::string id = alias.empty() ? id_from_path(files[i]) : alias;
    for (const auto& [other, digest] : served.ids) {
      if (other != id) continue;
      return fail(Code::kInvalidArgument, fmt::format("two models would be called '{}'", id),
                  names[i], "name them with --alias");
    }
    const auto loaded = [&](double share) {
      server->set_loaded((static_cast<double>(i) + share) / static_cast<double>(files.size()));
    };
    const bool embeds = i + options.embed.size() >= files.size();
    RETURN_IF_ERROR(load(options, {files[i], openers[i], id, embeds}, loaded, served));
  }
  RETURN_IF_ERROR(catch_signals());
  RETURN_IF_ERROR(finish_sandbox(options.sandbox, {.unix_sockets = !options.audit.syslog.empty()}));
  if (options.server.auditor) RETURN_IF_ERROR(record_start(*options.server.auditor, served));
  server->add_embedders(served.embedders);
  server->serve(served.models);
  announce(options, served, server->port(), authority);

  serve_until_stopped(*server, config, options.grace);
  spdlog::info("stopping: running answers have {} s; a second signal cuts them", options.grace);
  std::thread second([&] {
    wait_for_stop();
    server->stop(0);
  });
  server->stop(options.grace);
  on_signal(0);  // lets that thread go
  second.join();
  if (options.server.auditor) {
    (void)options.server.auditor->log().append_and_wait(R"({"event":"server.stopped"})");
  }
  for (const auto& model : served.models) {
    if (options.speculate.source.empty()) break;
    const EngineStats stats = model->stats();
    spdlog::info("'{}': {}", model->id(),
                 speculation_summary(stats.drafted_tokens, stats.accepted_tokens));
  }
  spdlog::info("stopped");
  spdlog::shutdown();
  return {};
}

}  // namespace

void register_serve(CLI::App& app, Action& action) {
  auto options = std::make_shared<ServeOptions>();
  auto* command = app.add_subcommand("serve", "Serve models over OpenAI's HTTP API");
  add_serve_options(*command, *options);
  command->callback([options, command, &action] {
    action = [options, command] {
      LiveConfig config(*command, options->config);
      if (auto status = config.apply(*command); !status) return report(status.error());
      if (auto status = serve(*options, config); !status) return report(status.error());
      return 0;
    };
  });
}

}  // namespace holdfast::cli
