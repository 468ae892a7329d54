// tokenizer_config.json and generation_config.json: which tokens begin and end a text.

#include "text/tokenizer_json.h"

namespace holdfast::hf {
namespace {

std::optional<int32_t> find_token(const TokenizerParts& parts, std::string_view content) {
  for (const AddedToken& token : parts.added) {
    if (token.content == content) return token.id;
  }
  return parts.vocabulary->find(content);
}

// "bos_token": "<s>" or {"content": "<s>", ...}; nothing where absent.
Result<std::optional<int32_t>> named_token(const Json& config, std::string_view key,
                                           const TokenizerParts& parts) {
  auto field = config.field(key);
  if (!field) return std::nullopt;
  if (field->value.is_object()) {
    ASSIGN_OR_RETURN(const Json content, field->required("content"));
    field = content;
  }
  ASSIGN_OR_RETURN(const std::string_view name, field->string());
  const auto id = find_token(parts, name);
  if (!id) return field->wrong("there is no token \"" + std::string(name.substr(0, 100)) + "\"");
  return id;
}

Status add_end_tokens(const Json& config, TokenizerParts& parts) {
  const auto field = config.field("eos_token_id");
  if (!field) return {};
  std::vector<Json> ids{*field};
  if (field->value.is_array()) {
    ASSIGN_OR_RETURN(ids, field->array());
  }
  for (const Json& json : ids) {
    ASSIGN_OR_RETURN(const int64_t id, json.integer());
    if (id < 0 || id >= parts.vocabulary->size()) {
      return json.wrong("token " + std::to_string(id) + " does not exist");
    }
    parts.end_of_generation.insert(static_cast<int32_t>(id));
    if (!parts.eos) parts.eos = static_cast<int32_t>(id);
  }
  return {};
}

}  // namespace

Status read_configs(const TokenizerData& data, const Steps& steps, TokenizerParts& parts) {
  std::optional<bool> add_bos;
  if (!data.tokenizer_config_json.empty()) {
    simdjson::dom::parser parser;
    ASSIGN_OR_RETURN(const Json config,
                     parse(parser, data.tokenizer_config_json, "tokenizer_config.json"));
    ASSIGN_OR_RETURN(parts.bos, named_token(config, "bos_token", parts));
    ASSIGN_OR_RETURN(parts.eos, named_token(config, "eos_token", parts));
    if (parts.eos) parts.end_of_generation.insert(*parts.eos);
    if (const auto field = config.field("add_bos_token")) {
      ASSIGN_OR_RETURN(add_bos, field->boolean());
    }
  }
  if (steps.bos) {
    const auto id = find_token(parts, *steps.bos);
    if (!id) {
      return fail(Code::kCorrupt, "there is no token \"" + steps.bos->substr(0, 100) + "\"",
                  "tokenizer.json: post_processor");
    }
    parts.bos = id;  // what is really put in front
  }
  if (steps.sep) {
    parts.sep = find_token(parts, *steps.sep);
    if (!parts.sep) {
      return fail(Code::kCorrupt, "there is no token \"" + steps.sep->substr(0, 100) + "\"",
                  "tokenizer.json: post_processor");
    }
  }
  parts.bert_pairs = steps.bert_pairs && parts.bos && parts.sep;
  parts.adds_bos = add_bos.value_or(steps.bos.has_value()) && parts.bos.has_value();
  if (!data.generation_config_json.empty()) {
    simdjson::dom::parser parser;
    ASSIGN_OR_RETURN(const Json config,
                     parse(parser, data.generation_config_json, "generation_config.json"));
    RETURN_IF_ERROR(add_end_tokens(config, parts));
  }
  add_known_end_tokens(parts);
  return {};
}

}  // namespace holdfast::hf
