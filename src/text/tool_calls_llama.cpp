// {"name": ..., "parameters": {...}}, and nothing but that
#include <algorithm>
#include <utility>

#include "text/json_scanner.h"
#include "text/tool_machines.h"

namespace holdfast {

namespace {

constexpr std::string_view kTag = "<|python_tag|>";

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class LlamaMachine final : public ToolCallParser::Machine {
 public:
  explicit LlamaMachine(std::vector<std::string> names) : names_(std::move(names)) {}

  void put(char c, ToolText& out) override {
    switch (place_) {
      case Place::kStart:
        raw_ += c;
        start(c, out);
        break;
      case Place::kCall:
        call(c, out);
        break;
      case Place::kBehind:  // a semicolon and another call
        raw_ += c;
        if (is_space(c) || c == ';') break;
        if (c == '{') {
          begin_object(out);
        } else {
          text(out);
        }
        break;
      case Place::kText:
        out.content += c;
        break;
    }
  }

  void finish(ToolText& out) override {
    if (place_ == Place::kCall && told_name_) return end_call(out);
    const bool space = raw_.find_first_not_of(" \t\r\n;") == std::string::npos;
    if (!(space && begun() > 0)) out.content += std::exchange(raw_, {});
  }

 private:
  enum class Place { kStart, kCall, kBehind, kText };

  // White space and the tag, once, may stand before the object.
  void start(char c, ToolText& out) {
    const size_t begin = std::min(raw_.find_first_not_of(" \t\r\n"), raw_.size());
    std::string_view rest = std::string_view(raw_).substr(begin);
    if (rest.starts_with(kTag)) {
      rest.remove_prefix(kTag.size());
      rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
    } else if (kTag.starts_with(rest)) {
      return;
    }
    if (rest.empty()) return;
    if (c == '{' && rest == "{") return begin_object(out);
    if (raw_.compare(begin, kTag.size(), kTag) == 0) raw_.erase(begin, kTag.size());
    text(out);
  }

  void begin_object(ToolText&) {
    object_ = {};
    told_name_ = false;
    place_ = Place::kCall;
    std::string none;
    object_.put('{', none);
  }

  void text(ToolText& out) {
    out.content += std::exchange(raw_, {});
    place_ = Place::kText;
  }

  void call(char c, ToolText& out) {
    std::string arguments;
    CallObject::State state = object_.put(c, arguments);
    if (!told_name_) raw_ += c;
    if (object_.named() && !told_name_) {
      if (std::find(names_.begin(), names_.end(), object_.name()) == names_.end()) {
        return text(out);  // JSON, and no call
      }
      told_name_ = true;
      raw_.clear();
      begin_call(object_.name(), out);
    }
    tell(arguments, out);
    if (state == CallObject::State::kOpen) return;
    if (!told_name_) return text(out);
    end_call(out);
    place_ = Place::kBehind;
  }

  const std::vector<std::string> names_;
  Place place_ = Place::kStart;
  CallObject object_;
  bool told_name_ = false;
  std::string raw_;  // what may turn out to be text
};

}  // namespace

std::unique_ptr<ToolCallParser::Machine> make_llama_machine(std::vector<std::string> names) {
  return std::make_unique<LlamaMachine>(std::move(names));
}

}  // namespace holdfast
