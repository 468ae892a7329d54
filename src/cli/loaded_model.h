// A model opened for measuring: no engine, no templates.
#pragma once

#include <memory>
#include <string>

#include "backend/backend.h"
#include "backend/profile.h"
#include "base/result.h"
#include "cli/model_opener.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace holdfast::cli {

struct LoadedModel {  // members go in reverse order: the model before what it stands on
  std::shared_ptr<const ModelFile> file;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Model> model;
  double load_seconds = 0.0;
};

// Opens MODEL (see model_option.h) and prepares its weights; progress on a terminal. With
// `profile`, which must outlive the model, the backend's operations are noted there.
Result<LoadedModel> load_for_measuring(const std::string& model, const OpenOptions& open,
                                       int threads, Profile* profile = nullptr);

}  // namespace holdfast::cli
