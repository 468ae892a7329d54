#include "cli/loaded_model.h"

#include <chrono>
#include <utility>

#include "cli/model_option.h"
#include "cli/progress.h"

namespace holdfast::cli {

Result<LoadedModel> load_for_measuring(const std::string& model, const OpenOptions& open,
                                       int threads, Profile* profile) {
  const auto start = std::chrono::steady_clock::now();
  LoadedModel loaded;
  ASSIGN_OR_RETURN(const std::string path, resolve_model(model));
  ASSIGN_OR_RETURN(const FileOpener opener, make_opener(open, path));
  ASSIGN_OR_RETURN(loaded.file, ModelFile::open(path, opener));
  ASSIGN_OR_RETURN(loaded.backend, make_backend(threads));
  if (profile) loaded.backend = make_profiled_backend(std::move(loaded.backend), *profile);
  ProgressLine line("loading " + path);
  ASSIGN_OR_RETURN(loaded.model, load_model(*loaded.file, *loaded.backend,
                                            [&](double share) { line.show(share); }));
  loaded.load_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return loaded;
}

}  // namespace holdfast::cli
