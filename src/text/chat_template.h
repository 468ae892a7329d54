// A model's own Jinja chat template, run by a small, safe interpreter (text/jinja/).
//
// The language is jinja2 3.1 as Hugging Face transformers sets it up for chat templates
// (trim_blocks, lstrip_blocks, loop controls, tojson that escapes no HTML, raise_exception,
// strftime_now, {% generation %}), less what no chat template has a use for: inheritance, imports,
// autoescape, {% do %}, and the rarer filters and methods. Beyond Hugging Face's sandbox: lists may
// be appended to and popped from (Kimi-K2), and there is from_json (DeepSeek-V3.2).
// Bounds on steps, text and depth stand in text/jinja/budget.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"
#include "text/tool_calls.h"

namespace holdfast {

// What a template makes of tools; see probe_tools().
struct ToolHabits {
  ToolFormat format = ToolFormat::kNone;  // in which its model writes calls
  bool lists_tools = false;               // it writes down the tools there are
  bool describe_tools = false;            // they are described in the system message instead
  bool object_arguments = false;          // it wants calls' arguments as objects, not as JSON text
  bool empty_content = false;  // it wants "" where an assistant's turn has no content, not none
};

// What a template is rendered with. `messages` and `tools` are JSON texts (an array of objects
// each), so that every field a client sends reaches the template as Python's would.
struct TemplateInput {
  std::string messages_json;  // [{"role": "...", "content": "..." or parts, ...}, ...]
  std::string tools_json;     // empty: none
  ToolHabits habits;
  std::string extra_json;  // an object of further variables (chat_template_kwargs); empty: none
  bool add_generation_prompt = true;
  std::string bos_token, eos_token;
  int64_t now = 0;  // seconds since 1970, for strftime_now
};

class ChatTemplate {
 public:
  // Parses `source`; unimplemented names the first construct outside our subset and its line.
  static Result<std::unique_ptr<ChatTemplate>> parse(std::string_view source);
  virtual ~ChatTemplate() = default;

  // The prompt, with what came from messages marked untrusted (so that it never becomes a special
  // token). invalid_argument carries raise_exception's message; resource_exhausted when steps or
  // output pass their bounds.
  virtual Result<std::vector<TextPart>> render(const TemplateInput& input) const = 0;
};

}  // namespace holdfast
