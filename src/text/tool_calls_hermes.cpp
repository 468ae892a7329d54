// <tool_call>\n{"name": ..., "arguments": {...}}\n</tool_call>
#include <utility>

#include "text/json_scanner.h"
#include "text/mark_finder.h"
#include "text/tool_machines.h"

namespace holdfast {

namespace {

class HermesMachine final : public ToolCallParser::Machine {
 public:
  void put(char c, ToolText& out) override {
    switch (place_) {
      case Place::kText:
        if (open_.put(c, out.content) >= 0) {
          object_ = {};
          raw_ = "<tool_call>";
          place_ = Place::kCall;
        }
        break;
      case Place::kCall:
        call(c, out);
        break;
      case Place::kBehind: {
        std::string dropped;
        if (close_.put(c, dropped) >= 0) place_ = Place::kText;
        break;
      }
    }
  }

  void finish(ToolText& out) override {
    if (place_ == Place::kCall) {
      // The model stopped in the middle: of a call that was told, or of text.
      object_.named() ? end_call(out) : void(out.content += raw_);
    }
    const std::string held = open_.take();
    const bool space = held.find_first_not_of(" \t\r\n") == std::string::npos;
    if (!(space && begun() > 0)) out.content += held;
  }

 private:
  enum class Place { kText, kCall, kBehind };

  void call(char c, ToolText& out) {
    const bool named = object_.named();
    std::string arguments;
    const CallObject::State state = object_.put(c, arguments);
    if (!object_.named()) raw_ += c;
    if (!named && object_.named()) begin_call(object_.name(), out);
    tell(arguments, out);
    if (state == CallObject::State::kOpen) return;
    if (object_.named()) {
      end_call(out);
      place_ = Place::kBehind;
    } else {
      out.content += std::exchange(raw_, {});
      place_ = Place::kText;
    }
  }

  Place place_ = Place::kText;
  MarkFinder open_{{"<tool_call>"}}, close_{{"</tool_call>"}};
  CallObject object_;
  std::string raw_;  // of a call without a name so far
};

}  // namespace

std::unique_ptr<ToolCallParser::Machine> make_hermes_machine() {
  return std::make_unique<HermesMachine>();
}

}  // namespace holdfast
