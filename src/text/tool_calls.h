// From what a model writes to the calls of tools in it, while it is still writing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

// How a family of models writes calls.
enum class ToolFormat {
  kNone,
  // <tool_call>\n{"name": "f", "arguments": {...}}\n</tool_call>, once for each call: Qwen2.5,
  // Qwen3, Hermes.
  kHermes,
  // <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{...}\n```
  // <｜tool▁call▁end｜>...<｜tool▁calls▁end｜>: DeepSeek-V3, R1; or, shorter, V3.1:
  // <｜tool▁call▁begin｜>f<｜tool▁sep｜>{...}<｜tool▁call▁end｜>.
  kDeepSeek,
  // {"name": "f", "parameters": {...}} as the whole answer, perhaps behind <|python_tag|>; further
  // calls behind a semicolon: Llama 3.1 to 3.3.
  kLlama,
};

// By the marks that a model's chat template writes itself.
ToolFormat tool_format_of(std::string_view template_source);
// The marks of a format that vocabularies have as tokens of their own, control tokens among them.
const std::vector<std::string>& tool_marks(ToolFormat format);

// What a piece of text adds to a call. The name comes whole, first, and once.
struct ToolCallDelta {
  int32_t index = 0;  // of the call
  std::string name;
  std::string arguments;  // of the JSON text as the model wrote it; "{}" when it wrote none
};

struct ToolText {
  std::string content;  // what belongs to no call
  std::vector<ToolCallDelta> calls;
};

// Any text goes through: what only looks like a call comes out as content, as it was, as long as
// its name has not been told; whatever is wrong behind that ends the call. White space that only
// frames calls is dropped. What comes out, joined, does not depend on how the text was cut.
class ToolCallParser {
 public:
  // `names`: of the tools there are. A Llama answer in JSON is a call only when it names one.
  ToolCallParser(ToolFormat format, std::vector<std::string> names);
  ~ToolCallParser();

  ToolText push(std::string_view text);
  ToolText finish();
  int32_t begun() const;     // calls whose names are told
  int32_t complete() const;  // calls that have ended

  class Machine;

 private:
  std::unique_ptr<Machine> machine_;
};

}  // namespace holdfast
