// Writes a model as one GGUF file, quantizing on the way.
#pragma once

#include <functional>
#include <string>

#include "base/output_file.h"
#include "base/result.h"
#include "files/conversion.h"
#include "files/recipe.h"

namespace holdfast {

struct ExportOptions {
  OutputFile::Existing existing = OutputFile::Existing::kRefuse;
  int threads = 1;
  // Called with the share done (0 to 1) and the tensor at hand; may be empty.
  std::function<void(double share, const std::string& tensor)> progress;
};

// Memory stays small: a few megabytes of rows at a time. corrupt, naming the tensor, when a value
// is not finite; resource_exhausted when the disk is full.
Status export_gguf(const Conversion& model, const Recipe& recipe, const std::string& path,
                   const ExportOptions& options);

}  // namespace holdfast
