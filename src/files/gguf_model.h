// A model in one GGUF file or in the parts of a split one.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "files/gguf.h"
#include "files/model_file.h"

namespace holdfast {

// The parts of the model that `path` belongs to, in order; one for a file that is not split. A
// missing part is not_found, naming it. Parts are named NAME-00001-of-00003.gguf.
Result<std::vector<std::shared_ptr<const Gguf>>> open_gguf_parts(
    const std::string& path, const FileOpener& opener = open_file);

Result<std::shared_ptr<const ModelFile>> open_gguf_model(const std::string& path,
                                                         const FileOpener& opener = open_file);
// The same from parsed parts (tests, fuzzing).
Result<std::shared_ptr<const ModelFile>> gguf_model(std::string path,
                                                    std::vector<std::shared_ptr<const Gguf>> parts);

}  // namespace holdfast
