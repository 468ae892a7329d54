// holdfast generate MODEL: raw completion, token by token exact; no template, nothing split or cut.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/model_opener.h"
#include "cli/model_option.h"
#include "cli/progress.h"
#include "cli/sampling_option.h"
#include "cli/speculate_option.h"
#include "engine/constrain.h"
#include "engine/draft_model.h"
#include "engine/engine.h"
#include "engine/random.h"
#include "grammar/compile.h"
#include "grammar/constraint.h"
#include "model/model.h"
#include "text/tokenizer.h"
#include "text/utf8_stream.h"

namespace holdfast::cli {

namespace {

struct GenerateOptions {
  std::string model, prompt_file;
  std::optional<std::string> prompt;
  OpenOptions open;
  GenerationRequest request;
  std::optional<uint64_t> seed;
  KvType kv_type = KvType::kQ16;
  int32_t context = 0;
  int threads = 0;
  SpeculateOption speculate;
  std::string json_schema_file, regex, grammar_file;
  bool special = false, json = false;
};

Result<std::string> read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::kNotFound, "the file cannot be read", path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

Result<std::string> read_prompt(const GenerateOptions& options) {
  if (options.prompt) return *options.prompt;
  if (options.prompt_file == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  return read_text(options.prompt_file);
}

// What the answer must be; none: anything.
Result<std::shared_ptr<grammar::Constraint>> read_constraint(const GenerateOptions& options,
                                                             const Tokenizer& tokenizer,
                                                             int32_t logits) {
  grammar::ConstraintSpec spec;
  if (!options.regex.empty()) {
    spec = {grammar::Notation::kRegex, options.regex};
  } else if (!options.json_schema_file.empty()) {
    spec.notation = grammar::Notation::kJsonSchema;
    ASSIGN_OR_RETURN(spec.text, read_text(options.json_schema_file));
  } else if (!options.grammar_file.empty()) {
    spec.notation = grammar::Notation::kGbnf;
    ASSIGN_OR_RETURN(spec.text, read_text(options.grammar_file));
  } else {
    return nullptr;
  }
  ASSIGN_OR_RETURN(auto program, grammar::compile(spec));
  const auto piece = [&](int32_t token) { return tokenizer.piece(token); };
  return grammar::Constraint::create(std::move(program),
                                     make_token_table(tokenizer, piece, logits, false));
}

boost::json::array numbers(const std::vector<int32_t>& values) {
  return boost::json::array(values.begin(), values.end());
}

Status generate(const GenerateOptions& options) {
  ASSIGN_OR_RETURN(const std::string prompt, read_prompt(options));
  ASSIGN_OR_RETURN(const std::string path, resolve_model(options.model));
  ASSIGN_OR_RETURN(const FileOpener opener, make_opener(options.open, path));
  ASSIGN_OR_RETURN(const auto file, ModelFile::open(path, opener));
  ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::create(file->tokenizer()));
  ASSIGN_OR_RETURN(const auto backend, make_backend(options.threads));
  std::unique_ptr<Model> model;
  {
    ProgressLine line("loading " + path);
    ASSIGN_OR_RETURN(model, load_model(*file, *backend, [&](double share) { line.show(share); }));
  }
  ServedModelOptions served;
  RETURN_IF_ERROR(set_speculation(options.speculate, served));
  EngineOptions& engine_options = served.engine;
  engine_options.max_sequences = 1;
  engine_options.context = options.context;
  engine_options.kv_type = options.kv_type;
  DraftModel draft;
  if (engine_options.speculation == Speculation::kModel) {
    ASSIGN_OR_RETURN(draft, load_draft_model(served.draft_path, *tokenizer, *backend));
    engine_options.draft = draft.model.get();
  }
  ASSIGN_OR_RETURN(const auto engine, Engine::create(*model, *backend, engine_options));

  GenerationRequest request = options.request;
  request.prompt = tokenizer->encode(prompt, options.special ? Special::kParse : Special::kAsText,
                                     tokenizer->adds_bos());
  for (int32_t token = 0; token < tokenizer->vocab_size(); ++token) {
    if (tokenizer->is_end_of_generation(token)) request.stop_tokens.push_back(token);
  }
  request.sampling.seed = options.seed ? *options.seed : random_seed();
  if (request.sampling.reads_text()) {
    request.sampling.token_bytes = std::make_shared<TokenBytes>(
        tokenizer->vocab_size(), [&](int32_t token) { return tokenizer->piece(token); });
  }
  ASSIGN_OR_RETURN(request.constraint, read_constraint(options, *tokenizer, model->config().vocab));
  const std::vector<int32_t> prompt_tokens = request.prompt;
  ASSIGN_OR_RETURN(const auto stream, engine->submit(std::move(request)));

  std::vector<int32_t> tokens;
  std::string text;
  Utf8Stream utf8;
  Usage usage;
  const auto put = [&](std::string piece) {
    text += piece;
    if (options.json) return;
    std::fwrite(piece.data(), 1, piece.size(), stdout);
    std::fflush(stdout);
  };
  while (true) {
    const GenerationEvent event = stream->next();
    if (event.error) return fail(*event.error);
    if (event.end) {
      usage = event.usage;
      break;
    }
    tokens.push_back(event.token);
    if (event.token < tokenizer->vocab_size()) put(utf8.push(tokenizer->piece(event.token)));
  }
  put(utf8.finish());
  if (options.json) {
    boost::json::object answer{
        {"prompt_tokens", numbers(prompt_tokens)}, {"tokens", numbers(tokens)}, {"text", text}};
    if (!options.speculate.source.empty()) {
      answer["drafted_tokens"] = usage.drafted_tokens;
      answer["accepted_tokens"] = usage.accepted_tokens;
    }
    fmt::print("{}\n", boost::json::serialize(answer));
    return {};
  }
  fmt::print("\n");
  if (!options.speculate.source.empty()) {
    std::fprintf(stderr, "holdfast: %s\n",
                 speculation_summary(static_cast<uint64_t>(usage.drafted_tokens),
                                     static_cast<uint64_t>(usage.accepted_tokens))
                     .c_str());
  }
  return {};
}

}  // namespace

void register_generate(CLI::App& app, Action& action) {
  auto options = std::make_shared<GenerateOptions>();
  options->request.sampling.temperature = 0;
  options->request.max_tokens = 128;
  SamplingParams& sampling = options->request.sampling;
  CLI::App* command = app.add_subcommand("generate", "Continue a raw prompt, exactly");
  command
      ->add_option("MODEL", options->model,
                   "a .gguf, a Hugging Face directory, or a name in the local store")
      ->required();
  auto* source = command->add_option_group("prompt");
  source->add_option("--prompt-file", options->prompt_file, "the prompt; - is standard input");
  source->add_option("--prompt", options->prompt, "the prompt itself");
  source->require_option(1);
  command->add_option("--max-tokens", options->request.max_tokens, "0: until the context is full")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--temperature", sampling.temperature, "0: always the likeliest token")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--top-p", sampling.top_p)->capture_default_str();
  command->add_option("--top-k", sampling.top_k, "0: off")->capture_default_str();
  command->add_option("--min-p", sampling.min_p)->capture_default_str();
  command->add_option("--seed", options->seed, "the same seed gives the same text");
  command->add_option("--context", options->context, "0: the model's own")
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--special", options->special,
                    "what spells a special token in the prompt becomes one");
  command->add_flag("--ignore-eos", options->request.ignore_eos, "do not end where the model does");
  add_sampling_options(*command, sampling);
  auto* form = command->add_option_group("form", "what the answer must be");
  form->add_option("--json-schema", options->json_schema_file, "a file with a JSON Schema");
  form->add_option("--regex", options->regex, "a regular expression that matches all of it");
  form->add_option("--grammar", options->grammar_file, "a file with a grammar in GBNF");
  form->require_option(0, 1);
  add_threads_option(*command, options->threads);
  add_kv_type_option(*command, options->kv_type);
  add_speculate_options(*command, options->speculate);
  add_open_options(*command, options->open);
  command->add_flag("--json", options->json,
                    "{\"prompt_tokens\": [...], \"tokens\": [...], \"text\": ...} instead of text");
  command->callback([options, &action] {
    action = [options] {
      const Status status = generate(*options);
      return status ? 0 : report(status.error());
    };
  });
}

}  // namespace holdfast::cli
