// How a chat template wants tools: found by trying, since templates differ and say it nowhere.
#pragma once

#include <string>
#include <string_view>

#include "text/chat_template.h"
#include "text/tool_calls.h"

namespace holdfast {

// Renders small conversations with a tool, a call and its result. `source`: of `chat_template`.
ToolHabits probe_tools(const ChatTemplate& chat_template, std::string_view source,
                       const std::string& bos_token, const std::string& eos_token);

}  // namespace holdfast
