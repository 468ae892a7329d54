// --config holdfast.yaml for a command whose options it may set.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/config_file.h"

namespace CLI {
class App;
}

namespace holdfast::cli {

// A command's options, from its command line and a file that may be read again.
class LiveConfig {
 public:
  // Of a command whose line is parsed; remembers what stands there. An empty `file` sets nothing.
  LiveConfig(const CLI::App& command, std::string file);

  // Sets every option of `command` that the command line left alone and the file names; each value
  // goes through the option's own checks, and what they refuse is told with its line.
  Status apply(CLI::App& command);

  // Reads the file again and sets the options of `fresh`, a command of the same options with no
  // line of its own, as both now say. invalid_argument when the file changes an option that is not
  // among `changeable`: such a change is never taken in part.
  Status apply_again(CLI::App& fresh, std::span<const std::string_view> changeable);

 private:
  Result<std::vector<Setting>> read() const;
  // Only those that the command line leaves alone.
  Status set(CLI::App& command, const std::vector<Setting>& settings) const;

  std::string file_;
  std::map<std::string, std::vector<std::string>> line_;  // by option
  std::vector<Setting> settings_;                         // as first read
};

}  // namespace holdfast::cli
