// Whether a model thinks, decided by how its prompt ends.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace holdfast {

// What is said to end a model's thinking in its place; as DeepSeek-R1 and Qwen3 write it
// themselves.
inline constexpr std::string_view kCloseThinking = "\n</think>\n\n";

// The template's own text at the end of the prompt is "<think>", but for white space: the answer
// starts inside. A user's text does not count.
bool ends_thinking(std::span<const TextPart> parts);

// The variables for a template, an object as JSON text: `extra_json` (one too, or empty), and
// where `enabled` decides and the template asks for it, enable_thinking (Qwen3) or thinking
// (DeepSeek-V3.1). What the client set itself stays.
std::string thinking_variables(const std::string& extra_json, std::string_view template_source,
                               std::optional<bool> enabled);

// true: the answer starts inside, with "<think>\n" where the template has not written it.
// false: it starts behind an empty block of thinking, unless the template has written one.
void shape_thinking(std::vector<TextPart>& parts, bool enabled);

}  // namespace holdfast
