// One state machine for each format of tool calls, fed byte by byte. Behind tool_calls.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "text/tool_calls.h"

namespace holdfast {

class ToolCallParser::Machine {
 public:
  virtual ~Machine() = default;
  virtual void put(char c, ToolText& out) = 0;
  virtual void finish(ToolText& out) = 0;
  int32_t begun() const { return begun_; }
  int32_t complete() const { return complete_; }

 protected:
  void begin_call(const std::string& name, ToolText& out) {
    out.calls.push_back({begun_++, name, {}});
    told_ = false;
  }
  void tell(const std::string& arguments, ToolText& out) {
    if (arguments.empty()) return;
    told_ = true;
    if (out.calls.empty() || out.calls.back().index != begun_ - 1)
      out.calls.push_back({begun_ - 1, {}, {}});
    out.calls.back().arguments += arguments;
  }
  void end_call(ToolText& out) {
    if (!told_) tell("{}", out);
    complete_ = begun_;
  }

 private:
  int32_t begun_ = 0, complete_ = 0;
  bool told_ = false;  // some arguments of the latest call
};

std::unique_ptr<ToolCallParser::Machine> make_hermes_machine();
std::unique_ptr<ToolCallParser::Machine> make_deepseek_machine();
std::unique_ptr<ToolCallParser::Machine> make_llama_machine(std::vector<std::string> names);

}  // namespace holdfast
