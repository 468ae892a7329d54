#include "cli/config_option.h"

#include <CLI/CLI.hpp>

#include "base/check.h"
#include "base/state_file.h"
#include "server/config_file.h"

namespace holdfast::cli {

Status apply_config(CLI::App& command, const std::string& file) {
  if (file.empty()) return {};
  ASSIGN_OR_RETURN(const std::string text, read_small_file(file));
  ASSIGN_OR_RETURN(const std::vector<Setting> settings, parse_config(text, file));
  for (const Setting& setting : settings) {
    CLI::Option* option = command.get_option_no_throw(setting.option);
    CHECK(option != nullptr) << "holdfast.yaml names " << setting.option;
    if (option->count() > 0) continue;  // the command line goes first
    if (setting.values.size() > 1 && option->get_items_expected_max() == 1) {
      return fail(Code::kInvalidArgument, "this takes one value", setting.where);
    }
    try {
      for (const std::string& value : setting.values) option->add_result(value);
      option->run_callback();
    } catch (const CLI::Error& error) {
      return fail(Code::kInvalidArgument, error.what(), setting.where);
    }
  }
  return {};
}

}  // namespace holdfast::cli
