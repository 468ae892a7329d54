// One line from a person at a terminal, with editing, history and UTF-8 (libedit).
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace holdfast::cli {

class LineEditor {
 public:
  explicit LineEditor(std::string prompt);
  ~LineEditor();

  // Without its line end; nothing at the end of input or on Ctrl-C. History lives in memory only:
  // what people ask is not written to disk.
  std::optional<std::string> read();

 private:
  struct Editor;
  std::unique_ptr<Editor> editor_;
};

}  // namespace holdfast::cli
