// holdfast inspect FILE: header, metadata, tensors, types, sizes.

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/model_opener.h"
#include "files/describe.h"
#include "files/json_writer.h"
#include "files/listing.h"

namespace holdfast::cli {
namespace {

struct Options {
  std::string path;
  OpenOptions open;
  bool json = false;
};

struct TypeTotal {
  uint64_t tensors = 0, bytes = 0;
};

std::map<std::string, TypeTotal> totals(const Listing& listing) {
  std::map<std::string, TypeTotal> out;
  for (const ListedTensor& tensor : listing.tensors) {
    TypeTotal& total = out[tensor.type];
    ++total.tensors;
    total.bytes += tensor.bytes;
  }
  return out;
}

std::string size_text(uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes);
  for (const char* unit : {"KiB", "MiB", "GiB", "TiB"}) {
    value /= 1024.0;
    if (value < 1024.0) return fmt::format("{:.1f} {}", value, unit);
  }
  return fmt::format("{:.1f} PiB", value / 1024.0);
}

std::string as_json(const Listing& listing) {
  JsonWriter json;
  json.begin_object().key("format").value(listing.format);
  if (listing.version != 0)
    json.key("version").value(listing.version).key("alignment").value(listing.alignment);
  json.key("files").begin_array();
  for (const std::string& file : listing.files) json.value(file);
  json.end_array().key("bytes").value(listing.bytes);
  json.key("metadata").begin_object();
  for (const ListedKey& key : listing.metadata) {
    json.key(key.key).begin_object().key("type").value(key.type);
    json.key("value").raw(key.json).end_object();
  }
  json.end_object().key("types").begin_object();
  for (const auto& [type, total] : totals(listing)) {
    json.key(type).begin_object().key("tensors").value(total.tensors);
    json.key("bytes").value(total.bytes).end_object();
  }
  json.end_object().key("tensors").begin_array();
  for (const ListedTensor& tensor : listing.tensors) {
    json.begin_object().key("name").value(tensor.name).key("type").value(tensor.type);
    json.key("shape").begin_array();
    for (int i = 0; i < tensor.shape.rank; ++i) json.value(tensor.shape[i]);
    json.end_array().key("bytes").value(tensor.bytes).key("offset").value(tensor.offset);
    json.key("file").value(tensor.file).end_object();
  }
  json.end_array().end_object();
  return json.text();
}

void print(const Listing& listing) {
  fmt::print("{}{}, {} tensors, {}\n", listing.format,
             listing.version == 0 ? "" : fmt::format(" version {}", listing.version),
             listing.tensors.size(), size_text(listing.bytes));
  for (const std::string& file : listing.files) fmt::print("  {}\n", file);
  std::size_t widest = 0, widest_type = 0;
  for (const ListedKey& key : listing.metadata) {
    widest = std::max(widest, printable(key.key).size());
    widest_type = std::max(widest_type, key.type.size());
  }
  if (!listing.metadata.empty()) fmt::print("\nMetadata ({})\n", listing.metadata.size());
  for (const ListedKey& key : listing.metadata) {
    fmt::print("  {:<{}}  {:<{}}  {}\n", printable(key.key), widest, key.type, widest_type,
               key.text);
  }
  widest = 0;
  for (const ListedTensor& tensor : listing.tensors)
    widest = std::max(widest, printable(tensor.name).size());
  fmt::print("\nTensors ({}), shapes outermost first\n", listing.tensors.size());
  for (const ListedTensor& tensor : listing.tensors) {
    fmt::print("  {:<{}}  {:<8}  {:<24}  {:>12}\n", printable(tensor.name), widest, tensor.type,
               shape_text(tensor.shape), size_text(tensor.bytes));
  }
  fmt::print("\nTypes\n");
  for (const auto& [type, total] : totals(listing))
    fmt::print("  {:<8}  {:>6} tensors  {:>12}\n", type, total.tensors, size_text(total.bytes));
}

int inspect(const Options& options) {
  const auto opener = make_opener(options.open, options.path);
  if (!opener) return report(opener.error());
  const auto listing = list_model(options.path, *opener);
  if (!listing) return report(listing.error());
  if (options.json) {
    fmt::print("{}\n", as_json(*listing));
  } else {
    print(*listing);
  }
  return 0;
}

}  // namespace

void register_inspect(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("inspect", "Show what is in a model file or directory");
  command
      ->add_option("FILE", options->path,
                   "A .gguf (any part of a split one), a .safetensors, or a Hugging Face directory")
      ->required();
  add_open_options(*command, options->open);
  command->add_flag("--json", options->json, "One JSON document on stdout");
  command->callback([options, &action] { action = [options] { return inspect(*options); }; });
}

}  // namespace holdfast::cli
