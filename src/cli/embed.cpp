// holdfast embed MODEL [TEXT...]: embeddings of texts, or with --query how relevant each is.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/embed_option.h"
#include "cli/model_opener.h"
#include "cli/model_option.h"
#include "cli/progress.h"
#include "engine/served_embedder.h"
#include "files/json_writer.h"

namespace holdfast::cli {
namespace {

struct Options {
  std::string model, file;
  std::vector<std::string> texts;
  std::optional<std::string> query;
  std::optional<Pooling> pooling;
  OpenOptions open;
  int threads = 0;
  bool truncate = false, json = false;
};

Result<std::vector<std::string>> read_texts(const Options& options) {
  if (options.file.empty()) return options.texts;
  std::ifstream file;
  if (options.file != "-") {
    file.open(options.file, std::ios::binary);
    if (!file) return fail(Code::kNotFound, "the file of texts cannot be read", options.file);
  }
  std::istream& in = options.file == "-" ? std::cin : file;
  std::vector<std::string> texts;
  for (std::string line; std::getline(in, line);) {
    if (line.ends_with('\r')) line.pop_back();
    texts.push_back(line);
  }
  return texts;
}

Status embed(const Options& options) {
  ASSIGN_OR_RETURN(const std::vector<std::string> texts, read_texts(options));
  ASSIGN_OR_RETURN(const std::string path, resolve_model(options.model));
  ServedEmbedderOptions served;
  ASSIGN_OR_RETURN(served.opener, make_opener(options.open, path));
  served.pooling = options.pooling;
  ASSIGN_OR_RETURN(auto backend, make_backend(options.threads));
  std::unique_ptr<ServedEmbedder> model;
  {
    ProgressLine line("loading " + std::filesystem::path(path).filename().string());
    served.progress = [&](double share) { line.show(share); };
    ASSIGN_OR_RETURN(model, ServedEmbedder::load(path, std::move(backend), served));
  }
  Result<std::shared_ptr<VectorJob>> job =
      options.query ? model->rank(*options.query, texts)
                    : model->embed({texts.begin(), texts.end()}, options.truncate);
  if (!job) return fail(job.error());
  ASSIGN_OR_RETURN(const Vectors vectors, (*job)->take());

  if (options.json) {
    JsonWriter w(JsonWriter::kCompact);
    w.begin_object().field("model", model->id()).field("tokens", (*job)->tokens());
    w.key(options.query ? "scores" : "embeddings").begin_array();
    for (const auto& vector : vectors) {
      if (options.query) {
        w.value(relevance(vector[0]));
        continue;
      }
      w.begin_array();
      for (const float value : vector) w.value(value);
      w.end_array();
    }
    w.end_array().end_object();
    fmt::print("{}\n", w.text());
    return {};
  }
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    if (options.query) {
      fmt::print("{:.6f}\t{}\n", relevance(vectors[i][0]), texts[i]);
    } else {
      fmt::print("{}\n", fmt::join(vectors[i], " "));
    }
  }
  return {};
}

}  // namespace

void add_pooling_option(CLI::App& command, std::optional<Pooling>& pooling) {
  command
      .add_option_function<std::string>(
          "--pooling", [&pooling](const std::string& name) { pooling = find_pooling(name); },
          "how a text's hidden states become one embedding; otherwise what the model's files say, "
          "else mean for encoders and last for decoders")
      ->check(CLI::IsMember({"mean", "cls", "last"}))
      ->type_name("MODE");
}

void register_embed(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("embed", "Embeddings of texts, or how relevant they are to a query");
  command
      ->add_option("MODEL", options->model,
                   "a Hugging Face directory of a BERT encoder or reranker, or any model that "
                   "generates text, whose hidden states are pooled")
      ->required();
  auto* source = command->add_option_group("texts");
  source->add_option("TEXT", options->texts, "the texts");
  source->add_option("--file", options->file,
                     "a file with a text on each line; - is standard input");
  source->require_option(1);
  command->add_option("--query", options->query,
                      "for a reranker: scores from 0 to 1 of the texts for this query");
  add_pooling_option(*command, options->pooling);
  command->add_flag("--truncate", options->truncate,
                    "leave out the end of a text that is too long, instead of refusing it");
  add_threads_option(*command, options->threads);
  add_open_options(*command, options->open);
  command->add_flag(
      "--json", options->json,
      "{\"model\": ..., \"tokens\": n, \"embeddings\": [[...], ...]} (or \"scores\")");
  command->callback([options, &action] {
    action = [options] {
      const Status status = embed(*options);
      return status ? 0 : report(status.error());
    };
  });
}

}  // namespace holdfast::cli
