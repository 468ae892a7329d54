#include "cli/model_option.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <CLI/CLI.hpp>

#include "backend/cpu/cpu_backend.h"
#include "base/state_file.h"

namespace holdfast::cli {

namespace fs = std::filesystem;

namespace {

constexpr char kDemoFile[] = "holdfast-demo.gguf";

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

}  // namespace

Result<std::string> demo_model_path() {
  if (const char* path = std::getenv("HOLDFAST_DEMO_MODEL"); path != nullptr && *path != '\0')
    return std::string(path);
  std::error_code error;
  const fs::path bin = fs::read_symlink("/proc/self/exe", error).parent_path();
  const fs::path source = bin / "../../../models/demo" / kDemoFile;         // build/PRESET/bin
  const fs::path installed = bin / "../share/holdfast/models" / kDemoFile;  // PREFIX/bin
  for (const fs::path& path : {source, installed}) {
    if (is_there(path)) return fs::weakly_canonical(path, error).string();
  }
  return fail(Code::kNotFound, "the demo model is not here",
              source.lexically_normal().string() + ", " + installed.lexically_normal().string(),
              "name a model, or set HOLDFAST_DEMO_MODEL to the demo model's file");
}

Result<std::string> resolve_model(const std::string& model) {
  if (model.empty()) return demo_model_path();
  if (is_there(model)) return model;
  if (model == kDemoName) return demo_model_path();
  const fs::path store = fs::path(home_directory()) / "models";
  // A name is one: it does not lead out of the store.
  if (fs::path(model).lexically_normal().filename() == model && model != "..") {
    for (const fs::path& path : {store / model, store / (model + ".gguf")}) {
      if (is_there(path)) return path.string();
    }
  }
  return fail(Code::kNotFound, "there is no model '" + model + "'",
              "looked for a file or directory of that name, and in " + store.string(),
              "MODEL is a .gguf file, a Hugging Face directory, or a name in the local store");
}

void add_threads_option(CLI::App& command, int& threads) {
  command.add_option("--threads", threads, "compute threads; 0: one for each core")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
}

Result<std::unique_ptr<Backend>> make_backend(int threads) {
  return make_cpu_backend({.threads = threads});
}

void add_kv_type_option(CLI::App& command, KvType& type, const std::string& name) {
  const auto set = [&type](const std::string& chosen) {
    type = find_kv_type(chosen).value_or(type);
  };
  command
      .add_option_function<std::string>(name, set,
                                        "format of the KV cache: q16, q8 for half the memory, or "
                                        "f32 to compare with [q16]")
      ->check(CLI::IsMember({"f32", "q16", "q8"}))
      ->type_name("TYPE");
}

}  // namespace holdfast::cli
