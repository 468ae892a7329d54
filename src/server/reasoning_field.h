// What a chat answer's thinking is called.
#pragma once

#include <cstdint>

namespace holdfast {

// DeepSeek's name, the one that newer clients of other servers look for, or both.
enum class ReasoningField : uint8_t { kReasoningContent, kReasoning, kBoth };

}  // namespace holdfast
