// holdfast convert IN OUT: between safetensors and GGUF, quantizing.

#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "base/thread_pool.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "files/conversion.h"
#include "files/gguf_export.h"
#include "files/hf_export.h"
#include "files/json_writer.h"

namespace holdfast::cli {
namespace {

struct Options {
  std::string in, out, type = "f16";
  int threads = 0;
  bool force = false, json = false;
};

bool quantized(const Conversion& model) {
  for (const SourceTensor& tensor : model.tensors) {
    if (tensor.stored && dtype_info(tensor.stored->type).block_size > 1) return true;
  }
  return false;
}

// A Hugging Face directory takes a GGUF as source and holds floats.
Status check_directory(const Conversion& model, const Recipe& recipe, const Options& options) {
  if (dtype_info(recipe.base).block_size > 1) {
    return fail(Code::kInvalidArgument,
                fmt::format("a Hugging Face directory cannot hold {}", recipe.name), "--type",
                "Choose f32, f16 or bf16, or end OUT with .gguf");
  }
  if (model.parts.empty()) {
    return fail(Code::kInvalidArgument, "IN is a Hugging Face directory already", options.in,
                "End OUT with .gguf to convert it");
  }
  if (hf_tokenizer_text(model.tokenizer).empty())
    spdlog::warn(
        "no tokenizer.json is written for the pre-tokenizer '{}': add the original model's",
        model.tokenizer.pre);
  return {};
}

Status convert(const Options& options, uint64_t& bytes) {
  const Recipe* recipe = find_recipe(options.type);
  if (recipe == nullptr) {
    return fail(Code::kInvalidArgument, fmt::format("'{}' is no type we write", options.type),
                "--type", "Choose one of " + recipe_names());
  }
  std::error_code error;
  if (std::filesystem::exists(options.out, error) &&
      std::filesystem::equivalent(options.in, options.out, error))
    return fail(Code::kInvalidArgument, "IN and OUT are the same file", options.out);
  ASSIGN_OR_RETURN(const Conversion model, open_conversion(options.in));
  if (quantized(model) && dtype_info(recipe->base).block_size > 1)
    spdlog::warn("the model is quantized already; quantizing it again loses more than once");
  ExportOptions settings;
  settings.existing =
      options.force ? OutputFile::Existing::kReplace : OutputFile::Existing::kRefuse;
  settings.threads = options.threads > 0 ? options.threads : ThreadPool::available_cpus();
  ProgressLine line("converting");
  settings.progress = [&](double share, const std::string& tensor) { line.show(share, tensor); };
  if (!options.out.ends_with(".gguf")) {
    RETURN_IF_ERROR(check_directory(model, *recipe, options));
    RETURN_IF_ERROR(export_hf(model, recipe->base, options.out, settings));
    for (const auto& entry : std::filesystem::directory_iterator(options.out, error))
      bytes += entry.file_size(error);
    return {};
  }
  RETURN_IF_ERROR(export_gguf(model, *recipe, options.out, settings));
  bytes = std::filesystem::file_size(options.out, error);
  return {};
}

int run_convert(const Options& options) {
  uint64_t bytes = 0;
  const Status done = convert(options, bytes);
  if (!done) return report(done.error());
  if (options.json) {
    JsonWriter json;
    json.begin_object().key("out").value(options.out).key("type").value(options.type);
    fmt::print("{}\n", json.key("bytes").value(bytes).end_object().text());
  }
  return 0;
}

}  // namespace

void register_convert(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("convert", "Convert a model between safetensors and GGUF, quantizing it");
  command->add_option("IN", options->in, "A .gguf or a Hugging Face directory")->required();
  command->add_option("OUT", options->out, "The file to write; it appears when it is finished")
      ->required();
  command->add_option("--type", options->type, "One of " + recipe_names())->capture_default_str();
  command->add_option("--threads", options->threads, "0: one for each CPU");
  command->add_flag("--force", options->force, "Replace OUT if it exists");
  command->add_flag("--json", options->json, "One JSON document on stdout");
  command->callback([options, &action] { action = [options] { return run_convert(*options); }; });
}

}  // namespace holdfast::cli
