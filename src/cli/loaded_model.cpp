#include "cli/loaded_model.h"

#include <chrono>

#include "backend/cpu/cpu_backend.h"
#include "cli/progress.h"

namespace holdfast::cli {

Result<LoadedModel> load_for_measuring(const std::string& path, int threads) {
  const auto start = std::chrono::steady_clock::now();
  LoadedModel loaded;
  ASSIGN_OR_RETURN(loaded.file, ModelFile::open(path));
  ASSIGN_OR_RETURN(loaded.backend, make_cpu_backend({.threads = threads}));
  ProgressLine line("loading " + path);
  ASSIGN_OR_RETURN(loaded.model, load_model(*loaded.file, *loaded.backend,
                                            [&](double share) { line.show(share); }));
  loaded.load_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return loaded;
}

}  // namespace holdfast::cli
