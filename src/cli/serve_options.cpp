#include "cli/serve_options.h"

#include <map>
#include <string>

#include <CLI/CLI.hpp>

namespace holdfast::cli {

void add_serve_options(CLI::App& command, ServeOptions& o) {
  command.add_option("MODEL", o.models,
                     ".gguf files, Hugging Face directories or names; the demo model by default");
  command.add_option("--embed", o.embed,
                     "models that give embeddings though they could generate text: their hidden "
                     "states, pooled; encoders need no word of it");
  add_pooling_option(command, o.pooling);
  command.add_option("--alias", o.aliases,
                     "names clients use, in the order of the models, those of --embed last");
  command.add_option("--host", o.server.host, "address to listen on; 0.0.0.0 for all of them")
      ->capture_default_str();
  command.add_option("--port", o.server.port, "port to listen on; 0 picks one and prints it")
      ->capture_default_str();
  command.add_flag("--insecure-loopback", o.insecure_loopback,
                   "plain HTTP, for this machine only; without it the server speaks TLS 1.3");
  command.add_option("--unix", o.server.unix_socket,
                     "plain HTTP on a Unix socket of this path, for its owner only");
  command.add_option("--tls-cert", o.tls.certificate,
                     "the server's certificate, with its chain (PEM); without it a private "
                     "authority makes one");
  command.add_option("--tls-key", o.tls.key, "that certificate's key (PEM)");
  command.add_option("--tls-name", o.names, "further names for a certificate that is made here");
  command.add_option("--client-ca", o.tls.client_ca,
                     "clients show certificates signed by these (PEM)");
  command.add_option("--access", o.access_file,
                     "who may do what; $HOLDFAST_HOME/access_control.yaml where it exists");
  command.add_option("--client-auth", o.client_auth, "with --client-ca: may a client have none?")
      ->check(CLI::IsMember({"required", "optional"}))
      ->capture_default_str();
  add_audit_options(command, o.audit);
  add_sandbox_options(command, o.sandbox);
  add_threads_option(command, o.threads);
  add_open_options(command, o.open);
  command
      .add_option("--context", o.context, "longest sequence; 0: what the model and memory allow")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--parallel", o.parallel, "sequences computed at once")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command
      .add_option("--step-ms", o.step_ms,
                  "how long a step may take while somebody waits for the next token: long prompts "
                  "are cut to fit; 0: as long as it takes")
      ->check(CLI::Range(0, 60'000))
      ->capture_default_str();
  command
      .add_option("--max-waiting", o.max_waiting, "requests in line for a model; more get 429, 503")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command
      .add_option("--max-waiting-tokens", o.max_waiting_tokens,
                  "prompt tokens in line; 0: sixteen times what the KV cache holds")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--shared-prompt", o.shared_prompts,
                     "a file with a system prompt that is no secret: all callers share what the "
                     "cache holds of it");
  command
      .add_option("--request-timeout", o.server.request_timeout,
                  "seconds an answer may take, its wait included; 0: any")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  add_kv_type_option(command, o.kv_type);
  command.add_option("--kv-memory", o.kv_memory, "memory for the KV cache, such as 4GB")
      ->transform(CLI::AsSizeValue(false));
  add_speculate_options(command, o.speculate);
  command.add_option("--max-connections", o.server.max_connections, "further ones get 503")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      .add_option("--reasoning-field", o.server.reasoning_field,
                  "what the thinking of chat answers is called")
      ->transform(CLI::CheckedTransformer(std::map<std::string, ReasoningField>{
          {"reasoning_content", ReasoningField::kReasoningContent},
          {"reasoning", ReasoningField::kReasoning},
          {"both", ReasoningField::kBoth}}))
      ->default_str("reasoning_content");
  command.add_option("--max-body", o.server.max_body_bytes, "longer request bodies get 413")
      ->transform(CLI::AsSizeValue(false));
  command.add_option("--cors-origin", o.server.cors_origins,
                     "web pages of these origins may use the server, such as https://chat.corp");
  command.add_option("--io-threads", o.server.io_threads, "threads that move bytes")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command.add_option("--batch-lines", o.server.batch_lines, "requests of batches computed at once")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command.add_option("--grace", o.grace, "seconds running answers get after SIGTERM or SIGINT")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_flag("--json", o.json, "announce the address as one JSON document");
  command.add_option("--config", o.config,
                     "holdfast.yaml: all of these options in a file; the command line goes first");
}

}  // namespace holdfast::cli
