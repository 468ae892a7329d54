#include "text/tool_calls.h"

#include <utility>

#include "text/tool_machines.h"

namespace holdfast {

namespace {

class PlainMachine final : public ToolCallParser::Machine {
 public:
  void put(char c, ToolText& out) override { out.content += c; }
  void finish(ToolText&) override {}
};

bool holds(std::string_view text, std::string_view what) {
  return text.find(what) != std::string_view::npos;
}

}  // namespace

ToolFormat tool_format_of(std::string_view source) {
  if (holds(source, "<｜tool▁call▁begin｜>")) return ToolFormat::kDeepSeek;
  // Others write parameters as XML inside the same tag: Qwen3-Coder, GLM.
  const bool xml = holds(source, "<function=") || holds(source, "<arg_key>");
  if (holds(source, "<tool_call>")) return xml ? ToolFormat::kNone : ToolFormat::kHermes;
  if (holds(source, "<|python_tag|>") ||
      (holds(source, "<|start_header_id|>") && holds(source, "\"parameters\"")))
    return ToolFormat::kLlama;
  return ToolFormat::kNone;
}

const std::vector<std::string>& tool_marks(ToolFormat format) {
  static const std::vector<std::string> none,
      hermes = {"<tool_call>", "</tool_call>"}, llama = {"<|python_tag|>"},
      deepseek = {
          "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", "<｜tool▁call▁begin｜>",
          "<｜tool▁call▁end｜>",    "<｜tool▁sep｜>",
      };
  switch (format) {
    case ToolFormat::kHermes:
      return hermes;
    case ToolFormat::kDeepSeek:
      return deepseek;
    case ToolFormat::kLlama:
      return llama;
    case ToolFormat::kNone:
      break;
  }
  return none;
}

ToolCallParser::ToolCallParser(ToolFormat format, std::vector<std::string> names) {
  switch (format) {
    case ToolFormat::kHermes:
      machine_ = make_hermes_machine();
      break;
    case ToolFormat::kDeepSeek:
      machine_ = make_deepseek_machine();
      break;
    case ToolFormat::kLlama:
      machine_ = make_llama_machine(std::move(names));
      break;
    case ToolFormat::kNone:
      machine_ = std::make_unique<PlainMachine>();
      break;
  }
}

ToolCallParser::~ToolCallParser() = default;

ToolText ToolCallParser::push(std::string_view text) {
  ToolText out;
  for (const char c : text) machine_->put(c, out);
  return out;
}

ToolText ToolCallParser::finish() {
  ToolText out;
  machine_->finish(out);
  return out;
}

int32_t ToolCallParser::begun() const { return machine_->begun(); }
int32_t ToolCallParser::complete() const { return machine_->complete(); }

}  // namespace holdfast
