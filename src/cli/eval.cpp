// holdfast eval perplexity | kl
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/mapped_file.h"
#include "cli/command.h"
#include "cli/loaded_model.h"
#include "cli/model_opener.h"
#include "cli/model_option.h"
#include "cli/progress.h"
#include "model/evaluation.h"

namespace holdfast::cli {
namespace {

struct Options {
  std::string model, reference, file;
  OpenOptions open;
  int context = 512;
  KvType kv_type = KvType::kQ16, reference_kv_type = KvType::kQ16;
  int64_t chunks = 0;
  int threads = 0;
  bool json = false;
};

struct Text {
  std::vector<int32_t> tokens;
  std::optional<int32_t> bos;
};

Result<Text> tokenize(const LoadedModel& loaded, const std::string& path) {
  ASSIGN_OR_RETURN(const MappedFile text, MappedFile::open(path));
  ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::create(loaded.file->tokenizer()));
  const std::string_view view(reinterpret_cast<const char*>(text.bytes().data()),
                              text.bytes().size());
  Text result;
  if (tokenizer->adds_bos()) result.bos = tokenizer->bos();
  result.tokens = tokenizer->encode(view, Special::kAsText, result.bos.has_value());
  return result;
}

Status perplexity(const Options& options) {
  ASSIGN_OR_RETURN(const LoadedModel loaded,
                   load_for_measuring(options.model, options.open, options.threads));
  ASSIGN_OR_RETURN(const Text text, tokenize(loaded, options.file));
  Result<Perplexity> result = Perplexity{};
  {
    ProgressLine line("scoring");
    result = measure_perplexity(*loaded.model, *loaded.backend, text.tokens,
                                {.context = options.context,
                                 .kv_type = options.kv_type,
                                 .chunks = options.chunks,
                                 .bos = text.bos,
                                 .progress = [&](double share, double figure) {
                                   line.show(share, fmt::format("perplexity {:.4f}", figure));
                                 }});
  }
  if (!result) return fail(result.error());
  if (options.json) {
    fmt::print("{{\"perplexity\":{:.6f},\"standard_error\":{:.6f},\"tokens\":{}}}\n",
               result->perplexity, result->standard_error, result->tokens);
  } else {
    fmt::print("perplexity {:.4f} +/- {:.4f} over {} tokens\n", result->perplexity,
               result->standard_error, result->tokens);
  }
  return {};
}

Status kl(const Options& options) {
  ASSIGN_OR_RETURN(const LoadedModel model,
                   load_for_measuring(options.model, options.open, options.threads));
  ASSIGN_OR_RETURN(const LoadedModel reference,
                   load_for_measuring(options.reference, options.open, options.threads));
  ASSIGN_OR_RETURN(const Text text, tokenize(reference, options.file));
  Result<Divergence> result = Divergence{};
  {
    ProgressLine line("comparing");
    result = measure_divergence(*model.model, *model.backend, *reference.model, *reference.backend,
                                text.tokens,
                                {.context = options.context,
                                 .kv_type = options.kv_type,
                                 .reference_kv_type = options.reference_kv_type,
                                 .chunks = options.chunks,
                                 .bos = text.bos,
                                 .progress = [&](double share, double figure) {
                                   line.show(share, fmt::format("mean KL {:.6f}", figure));
                                 }});
  }
  if (!result) return fail(result.error());
  if (options.json) {
    fmt::print("{{\"mean_kl\":{:.9f},\"p99_kl\":{:.9f},\"top1_agreement\":{:.6f},\"tokens\":{}}}\n",
               result->mean_kl, result->p99_kl, result->top1_agreement, result->tokens);
  } else {
    fmt::print("KL divergence from the reference: mean {:.6f}, 99th percentile {:.6f} nats\n",
               result->mean_kl, result->p99_kl);
    fmt::print("the same most likely token at {:.2f}% of {} positions\n",
               100.0 * result->top1_agreement, result->tokens);
  }
  return {};
}

int run(Status (*work)(const Options&), const Options& options) {
  const Status status = work(options);
  return status ? 0 : report(status.error());
}

}  // namespace

void register_eval(CLI::App& app, Action& action) {
  auto* eval = app.add_subcommand("eval", "Measure how well a model predicts a text");
  eval->require_subcommand(1);
  auto options = std::make_shared<Options>();
  const auto add_common = [&](CLI::App* command) {
    command
        ->add_option("model", options->model,
                     "a .gguf, a Hugging Face directory, or a name in the local store")
        ->required();
    command->add_option("file", options->file, "the text")->required();
    add_kv_type_option(*command, options->kv_type);
    command->add_option("--context", options->context, "tokens of each chunk")
        ->check(CLI::Range(4, 1 << 20))
        ->capture_default_str();
    command->add_option("--chunks", options->chunks, "score the first so many chunks; 0: all")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    add_threads_option(*command, options->threads);
    add_open_options(*command, options->open);
    command->add_flag("--json", options->json, "one JSON document on stdout");
  };

  auto* ppl = eval->add_subcommand(
      "perplexity", "Perplexity over the second half of each chunk, as llama-perplexity has it");
  add_common(ppl);
  ppl->callback([options, &action] { action = [options] { return run(perplexity, *options); }; });

  auto* divergence = eval->add_subcommand(
      "kl", "KL divergence of a model's predictions from those of a reference, over a text");
  add_common(divergence);
  add_kv_type_option(*divergence, options->reference_kv_type, "--reference-kv-type");
  divergence->add_option("--reference", options->reference, "the same model in better precision")
      ->required();
  divergence->callback([options, &action] { action = [options] { return run(kl, *options); }; });
}

}  // namespace holdfast::cli
