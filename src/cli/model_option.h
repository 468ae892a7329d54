// MODEL on the command line, the same for every command: a .gguf, a Hugging Face directory, or a
// name in the local store.
#pragma once

#include <memory>
#include <string>

#include "backend/backend.h"
#include "base/result.h"

namespace CLI {
class App;
}

namespace holdfast::cli {

inline constexpr char kDemoName[] = "demo";  // names the demo model anywhere MODEL stands

// The demo model's file: $HOLDFAST_DEMO_MODEL, or beside this program (in the source tree it was
// built in, or in the share/ of its prefix). not_found tells where it was looked for.
Result<std::string> demo_model_path();

// The path behind MODEL: itself when it exists, the demo model for "demo" or nothing, else
// $HOLDFAST_HOME/models/MODEL (with or without .gguf). not_found names both.
Result<std::string> resolve_model(const std::string& model);

// --threads N.
void add_threads_option(CLI::App& command, int& threads);
Result<std::unique_ptr<Backend>> make_backend(int threads);

// --kv-type q16|q8|f32.
void add_kv_type_option(CLI::App& command, KvType& type, const std::string& name = "--kv-type");

}  // namespace holdfast::cli
