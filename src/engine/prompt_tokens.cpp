#include "engine/prompt_tokens.h"

#include <algorithm>
#include <ctime>
#include <optional>
#include <string_view>

#include "files/json_writer.h"

namespace holdfast {

namespace {

// A special token as templates spell it.
std::string spelled(const Tokenizer& tokenizer, std::optional<int32_t> token) {
  return token ? tokenizer.piece(*token, Special::kParse) : std::string();
}

}  // namespace

std::vector<int32_t> encode_prompt(const std::vector<TextPart>& parts, const Tokenizer& tokenizer) {
  const std::string bos = spelled(tokenizer, tokenizer.bos());
  std::string start;
  for (const TextPart& part : parts) {
    if (start.size() >= bos.size()) break;
    start += part.text;
  }
  const bool written = !bos.empty() && std::string_view(start).starts_with(bos);
  return tokenizer.encode(parts, tokenizer.adds_bos() && !written);
}

Result<std::vector<int32_t>> beginning_with(const std::string& system,
                                            const ChatTemplate& chat_template,
                                            const Tokenizer& tokenizer) {
  std::vector<std::vector<int32_t>> prompts;
  for (const std::string_view question : {"a", "1"}) {
    JsonWriter w(JsonWriter::kCompact);
    w.begin_array();
    w.begin_object().field("role", "system").field("content", system).end_object();
    w.begin_object().field("role", "user").field("content", question).end_object();
    w.end_array();
    TemplateInput input;
    input.messages_json = w.take();
    input.bos_token = spelled(tokenizer, tokenizer.bos());
    input.eos_token = spelled(tokenizer, tokenizer.eos());
    input.now = std::time(nullptr);
    ASSIGN_OR_RETURN(const auto parts, chat_template.render(input));
    prompts.push_back(encode_prompt(parts, tokenizer));
  }
  const auto end =
      std::mismatch(prompts[0].begin(), prompts[0].end(), prompts[1].begin(), prompts[1].end());
  return std::vector<int32_t>(prompts[0].begin(), end.first);
}

}  // namespace holdfast
