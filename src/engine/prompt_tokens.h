// From a rendered chat template to the tokens of a prompt.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace holdfast {

// With the tokenizer's BOS in front, unless the template wrote it: a second one would be a token
// that the model never saw there.
std::vector<int32_t> encode_prompt(const std::vector<TextPart>& parts, const Tokenizer& tokenizer);

// How every prompt with this system prompt, and no other words before the user's, begins: where two
// that ask different questions part. The template's error when it takes no system prompt.
Result<std::vector<int32_t>> beginning_with(const std::string& system,
                                            const ChatTemplate& chat_template,
                                            const Tokenizer& tokenizer);

}  // namespace holdfast
