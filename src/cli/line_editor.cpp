#include "cli/line_editor.h"

#include <clocale>
#include <cstdio>
#include <cstring>
#include <utility>

#include <histedit.h>
#include <langinfo.h>

namespace holdfast::cli {

struct LineEditor::Editor {
  std::string prompt;
  EditLine* line = nullptr;
  History* history = nullptr;
  HistEvent event = {};
};

LineEditor::LineEditor(std::string prompt) : editor_(std::make_unique<Editor>()) {
  // libedit edits characters of the locale. On a bare machine that is ASCII: we speak UTF-8.
  std::setlocale(LC_CTYPE, "");
  if (std::strcmp(nl_langinfo(CODESET), "UTF-8") != 0) std::setlocale(LC_CTYPE, "C.UTF-8");

  Editor& e = *editor_;
  e.prompt = std::move(prompt);
  e.line = el_init("holdfast", stdin, stdout, stderr);
  e.history = history_init();
  history(e.history, &e.event, H_SETSIZE, 500);
  history(e.history, &e.event, H_SETUNIQUE, 1);
  el_set(e.line, EL_CLIENTDATA, &e);
  el_set(
      e.line, EL_PROMPT, +[](EditLine* line) {
        Editor* self = nullptr;
        el_get(line, EL_CLIENTDATA, &self);
        return self->prompt.data();
      });
  el_set(e.line, EL_EDITOR, "emacs");
  el_set(e.line, EL_HIST, history, e.history);
  // The keys of today's terminals that libedit does not know by itself.
  for (const auto& [keys, command] : std::initializer_list<std::pair<const char*, const char*>>{
           {"\033[3~", "ed-delete-next-char"},
           {"\033[H", "ed-move-to-beg"},
           {"\033[F", "ed-move-to-end"},
           {"\033[1;5C", "em-next-word"},
           {"\033[1;5D", "ed-prev-word"},
           {"^R", "em-inc-search-prev"}}) {
    el_set(e.line, EL_BIND, keys, command, nullptr);
  }
}

LineEditor::~LineEditor() {
  history_end(editor_->history);
  el_end(editor_->line);
}

std::optional<std::string> LineEditor::read() {
  int count = 0;
  const char* text = el_gets(editor_->line, &count);
  if (text == nullptr || count <= 0) return std::nullopt;
  std::string line(text, static_cast<size_t>(count));
  if (line.ends_with('\n')) line.pop_back();
  if (line.find_first_not_of(" \t") != std::string::npos)
    history(editor_->history, &editor_->event, H_ENTER, line.c_str());
  return line;
}

}  // namespace holdfast::cli
