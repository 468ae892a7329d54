// Split GGUF models: NAME-00001-of-00003.gguf and its siblings.

#include <filesystem>

#include <fmt/format.h>

#include "files/describe.h"
#include "files/gguf_model.h"

namespace holdfast {
namespace {

constexpr int32_t kMostParts = 10000;

Result<std::shared_ptr<const Gguf>> open_part(const std::string& path, const FileOpener& opener) {
  ASSIGN_OR_RETURN(auto source, opener(path));
  return Gguf::parse(std::move(source));
}

// "dir/NAME" of "dir/NAME-00002-of-00003.gguf"; empty when `path` is not named so.
std::string stem_of_part(const std::string& path, int32_t number, int32_t count) {
  const std::string ending = fmt::format("-{:05}-of-{:05}.gguf", number, count);
  if (!path.ends_with(ending)) return "";
  return path.substr(0, path.size() - ending.size());
}

Status check_part(const Gguf& part, int32_t index, int32_t count) {
  ASSIGN_OR_RETURN(const auto its_index, part.get_int("split.no"));
  ASSIGN_OR_RETURN(const auto its_count, part.get_int("split.count"));
  if (its_index != index || its_count != count) {
    return fail(Code::kCorrupt,
                fmt::format("the file says it is part {} of {}; part {} of {} was expected",
                            its_index.value_or(0) + 1, its_count.value_or(1), index + 1, count),
                part.file(), "Fetch all parts from the same place and keep their names");
  }
  return {};
}

}  // namespace

Result<std::vector<std::shared_ptr<const Gguf>>> open_gguf_parts(const std::string& path,
                                                                 const FileOpener& opener) {
  ASSIGN_OR_RETURN(auto named, open_part(path, opener));
  ASSIGN_OR_RETURN(const auto count, named->get_int("split.count"));
  if (count.value_or(0) <= 1) return std::vector{std::move(named)};
  ASSIGN_OR_RETURN(const auto number, named->get_int("split.no"));
  if (!number || *number >= *count || *count > kMostParts) {
    return fail(Code::kCorrupt,
                fmt::format("keys 'split.no' ({}) and 'split.count' ({}) contradict each other",
                            number.value_or(-1), *count),
                path);
  }
  const std::string stem = stem_of_part(path, *number + 1, *count);
  if (stem.empty()) {
    return fail(Code::kInvalidArgument,
                fmt::format("the file is part {} of {} but not named so", *number + 1, *count),
                path,
                fmt::format("Rename it to end with -{:05}-of-{:05}.gguf, like its siblings",
                            *number + 1, *count));
  }

  std::vector<std::shared_ptr<const Gguf>> parts;
  uint64_t tensors = 0;
  for (int32_t i = 0; i < *count; ++i) {
    const std::string part_path = fmt::format("{}-{:05}-of-{:05}.gguf", stem, i + 1, *count);
    if (!std::filesystem::exists(part_path)) {
      return fail(Code::kNotFound, fmt::format("part {} of {} is missing", i + 1, *count),
                  part_path, "All parts of a split model must lie in one folder");
    }
    ASSIGN_OR_RETURN(auto part, i == *number ? Result<std::shared_ptr<const Gguf>>(named)
                                             : open_part(part_path, opener));
    RETURN_IF_ERROR(check_part(*part, i, *count));
    tensors += part->tensors.size();
    parts.push_back(std::move(part));
  }
  ASSIGN_OR_RETURN(const auto expected, named->get_int("split.tensors.count"));
  if (expected && static_cast<uint64_t>(*expected) != tensors) {
    return fail(Code::kCorrupt,
                fmt::format("the parts hold {} tensors; key 'split.tensors.count' says {}", tensors,
                            *expected),
                path, "Fetch all parts from the same place");
  }
  return parts;
}

}  // namespace holdfast
