#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "files/describe.h"
#include "files/gguf_config.h"

namespace holdfast {
namespace {

Status wrong_array(const Gguf& gguf, std::string_view key, std::string_view wanted) {
  return fail(Code::kCorrupt, fmt::format("key '{}' is not an array of {}", key, wanted),
              at_byte(gguf.file(), gguf.find(key)->offset), "Convert the model again");
}

Status read_strings(const Gguf& gguf, std::string_view key, std::vector<std::string>& out) {
  const GgufValue* value = gguf.find(key);
  if (value == nullptr) return {};
  const auto views = value->strings();
  if (!views) return wrong_array(gguf, key, "texts");
  out.assign(views->begin(), views->end());
  return {};
}

Status read_types(const Gguf& gguf, std::string_view key, std::vector<int32_t>& out) {
  const GgufValue* value = gguf.find(key);
  if (value == nullptr) return {};
  const auto numbers = value->integers();
  if (!numbers) return wrong_array(gguf, key, "whole numbers");
  out.reserve(numbers->size());
  for (const int64_t number : *numbers) {
    if (number < 0 || number > 6) return wrong_array(gguf, key, "token types (0 to 6)");
    out.push_back(static_cast<int32_t>(number));
  }
  return {};
}

Status read_scores(const Gguf& gguf, std::string_view key, std::vector<float>& out) {
  const GgufValue* value = gguf.find(key);
  if (value == nullptr) return {};
  const auto numbers = value->numbers();
  if (!numbers) return wrong_array(gguf, key, "numbers");
  out.reserve(numbers->size());
  for (const double number : *numbers) {
    if (std::isnan(number)) return wrong_array(gguf, key, "numbers");
    out.push_back(static_cast<float>(number));
  }
  return {};
}

// A token id; some writers put 2^32 - 1 or -1 for "none".
Status read_id(const Gguf& gguf, std::string_view key, std::size_t tokens,
               std::optional<int32_t>& out) {
  const GgufValue* value = gguf.find(key);
  if (value == nullptr) return {};
  const auto id = value->integer();
  if (id && (*id == -1 || *id == std::numeric_limits<uint32_t>::max())) return {};
  if (!id || *id < 0 || *id > INT32_MAX || (tokens > 0 && *id >= static_cast<int64_t>(tokens))) {
    return fail(Code::kCorrupt, fmt::format("key '{}' is no id of the {} tokens", key, tokens),
                at_byte(gguf.file(), value->offset), "Convert the model again");
  }
  out = static_cast<int32_t>(*id);
  return {};
}

}  // namespace

Result<TokenizerData> gguf_tokenizer(const Gguf& gguf) {
  TokenizerData data;
  ASSIGN_OR_RETURN(auto model, gguf.get_string("tokenizer.ggml.model"));
  data.model = model.value_or("");
  ASSIGN_OR_RETURN(auto pre, gguf.get_string("tokenizer.ggml.pre"));
  data.pre = pre.value_or("");
  RETURN_IF_ERROR(read_strings(gguf, "tokenizer.ggml.tokens", data.tokens));
  RETURN_IF_ERROR(read_strings(gguf, "tokenizer.ggml.merges", data.merges));
  RETURN_IF_ERROR(read_scores(gguf, "tokenizer.ggml.scores", data.scores));
  RETURN_IF_ERROR(read_types(gguf, "tokenizer.ggml.token_type", data.types));
  const std::size_t tokens = data.tokens.size();
  for (const auto& [key, size] : {std::pair{"tokenizer.ggml.scores", data.scores.size()},
                                  std::pair{"tokenizer.ggml.token_type", data.types.size()}}) {
    if (size != 0 && size != tokens) {
      return fail(Code::kCorrupt,
                  fmt::format("key '{}' has {} entries for {} tokens", key, size, tokens),
                  at_byte(gguf.file(), gguf.find(key)->offset), "Convert the model again");
    }
  }
  RETURN_IF_ERROR(read_id(gguf, "tokenizer.ggml.bos_token_id", tokens, data.bos));
  RETURN_IF_ERROR(read_id(gguf, "tokenizer.ggml.eos_token_id", tokens, data.eos));
  RETURN_IF_ERROR(read_id(gguf, "tokenizer.ggml.eot_token_id", tokens, data.eot));
  RETURN_IF_ERROR(read_id(gguf, "tokenizer.ggml.unknown_token_id", tokens, data.unk));
  RETURN_IF_ERROR(read_id(gguf, "tokenizer.ggml.padding_token_id", tokens, data.pad));
  ASSIGN_OR_RETURN(data.add_bos, gguf.get_bool("tokenizer.ggml.add_bos_token"));
  ASSIGN_OR_RETURN(data.add_eos, gguf.get_bool("tokenizer.ggml.add_eos_token"));
  ASSIGN_OR_RETURN(data.add_space_prefix, gguf.get_bool("tokenizer.ggml.add_space_prefix"));
  ASSIGN_OR_RETURN(auto chat_template, gguf.get_string("tokenizer.chat_template"));
  data.chat_template = std::move(chat_template).value_or("");
  return data;
}

}  // namespace holdfast
