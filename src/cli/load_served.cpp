#include "cli/load_served.h"

#include <filesystem>
#include <utility>

#include "cli/model_option.h"
#include "cli/progress.h"

namespace holdfast::cli {

Result<std::unique_ptr<ServedModel>> load_served_model(const std::string& model,
                                                       const OpenOptions& open, int threads,
                                                       ServedModelOptions options) {
  ASSIGN_OR_RETURN(const std::string path, resolve_model(model));
  ASSIGN_OR_RETURN(options.opener, make_opener(open, path));
  ASSIGN_OR_RETURN(auto backend, make_backend(threads));
  ProgressLine line("loading " + std::filesystem::path(path).filename().string());
  options.progress = [&](double share) { line.show(share); };
  return ServedModel::load(path, std::move(backend), options);
}

}  // namespace holdfast::cli
