#include "cli/config_option.h"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "base/check.h"
#include "base/state_file.h"

namespace holdfast::cli {

namespace {

void add_values(CLI::Option& option, const std::vector<std::string>& values) {
  for (const std::string& value : values) option.add_result(value);
  option.run_callback();
}

std::map<std::string, std::vector<std::string>> by_option(const std::vector<Setting>& settings) {
  std::map<std::string, std::vector<std::string>> out;
  for (const Setting& setting : settings) out[setting.option] = setting.values;
  return out;
}

}  // namespace

LiveConfig::LiveConfig(const CLI::App& command, std::string file) : file_(std::move(file)) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->count() > 0) line_[option->get_name()] = option->results();
  }
}

Result<std::vector<Setting>> LiveConfig::read() const {
  if (file_.empty()) return std::vector<Setting>();
  ASSIGN_OR_RETURN(const std::string text, read_small_file(file_));
  return parse_config(text, file_);
}

Status LiveConfig::set(CLI::App& command, const std::vector<Setting>& settings) const {
  for (const Setting& setting : settings) {
    CLI::Option* option = command.get_option_no_throw(setting.option);
    CHECK(option != nullptr) << "holdfast.yaml names " << setting.option;
    if (line_.contains(option->get_name())) continue;  // the command line goes first
    if (setting.values.size() > 1 && option->get_items_expected_max() == 1) {
      return fail(Code::kInvalidArgument, "this takes one value", setting.where);
    }
    try {
      add_values(*option, setting.values);
    } catch (const CLI::Error& error) {
      return fail(Code::kInvalidArgument, error.what(), setting.where);
    }
  }
  return {};
}

Status LiveConfig::apply(CLI::App& command) {
  ASSIGN_OR_RETURN(settings_, read());
  return set(command, settings_);
}

Status LiveConfig::apply_again(CLI::App& fresh, std::span<const std::string_view> changeable) {
  ASSIGN_OR_RETURN(const std::vector<Setting> settings, read());
  const auto before = by_option(settings_);
  const auto now = by_option(settings);
  for (const auto& [some, other] : {std::pair(&before, &now), std::pair(&now, &before)}) {
    for (const auto& [option, values] : *some) {
      const auto found = other->find(option);
      if (found != other->end() && found->second == values) continue;
      if (std::find(changeable.begin(), changeable.end(), option) != changeable.end()) continue;
      return fail(Code::kInvalidArgument, "the setting of " + option + " has changed", file_,
                  "only a restart changes it; set it back to reload the rest");
    }
  }
  try {
    for (const auto& [name, values] : line_) add_values(*fresh.get_option(name), values);
  } catch (const CLI::Error& error) {
    return fail(Code::kInternal, error.what());
  }
  return set(fresh, settings);
}

}  // namespace holdfast::cli
