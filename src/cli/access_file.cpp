#include "cli/access_file.h"

#include <filesystem>
#include <system_error>

#include "base/state_file.h"

namespace holdfast::cli {

std::string find_access_file(const std::string& named) {
  if (!named.empty()) return named;
  const auto path = std::filesystem::path(home_directory()) / "access_control.yaml";
  // A link that leads nowhere, or a file nobody can read, is a policy all the same: loading it says
  // what is wrong, where passing over it would open the server.
  std::error_code ignored;
  return std::filesystem::symlink_status(path, ignored).type() ==
                 std::filesystem::file_type::not_found
             ? std::string()
             : path.string();
}

}  // namespace holdfast::cli
