#include "files/model_file.h"

#include <filesystem>

#include <fmt/format.h>

#include "files/describe.h"
#include "files/gguf_model.h"
#include "files/hf_model.h"

namespace holdfast {
namespace {

std::string file_of(const ModelFile& model, std::string_view name) {
  for (const TensorEntry& entry : model.tensors()) {
    if (entry.name == name) return at_byte(entry.file, entry.offset);
  }
  return model.path();
}

Status check(const ModelFile& model, std::string_view name, const std::string& what,
             const TensorView& view, const Shape& expected) {
  if (view.shape != expected) {
    return fail(Code::kCorrupt,
                fmt::format("{} has shape {}; this model needs {}", what, shape_text(view.shape),
                            shape_text(expected)),
                file_of(model, name), "The file's metadata and tensors do not belong together");
  }
  if (!dtype_info(view.type).computed) {
    return fail(Code::kUnimplemented,
                fmt::format("{} is of type {}; computed with are {}", what,
                            dtype_info(view.type).name, computed_types()),
                file_of(model, name), "Fetch or convert the model in one of these types");
  }
  return {};
}

}  // namespace

tl::unexpected<Error> ModelFile::missing_tensor(std::string_view name) const {
  return fail(Code::kNotFound, fmt::format("tensor '{}' is missing", printable(name)), path(),
              "The file is incomplete or of another kind than its metadata says");
}

Result<TensorView> ModelFile::tensor(std::string_view name, const Shape& expected) const {
  ASSIGN_OR_RETURN(const TensorView view, tensor(name));
  RETURN_IF_ERROR(check(*this, name, fmt::format("tensor '{}'", name), view, expected));
  return view;
}

Result<TensorView> ModelFile::expert(std::string_view name, int32_t index,
                                     const Shape& expected) const {
  ASSIGN_OR_RETURN(const TensorView view, expert(name, index));
  RETURN_IF_ERROR(
      check(*this, name, fmt::format("expert {} of tensor '{}'", index, name), view, expected));
  return view;
}

Result<std::shared_ptr<const ModelFile>> ModelFile::open(const std::string& path,
                                                         const FileOpener& opener) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return open_hf_model(path, opener);
  return open_gguf_model(path, opener);
}

}  // namespace holdfast
