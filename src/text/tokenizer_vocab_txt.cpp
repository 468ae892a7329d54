// Reads BERT's tokenizer from vocab.txt, a token a line, and what tokenizer_config.json says of it.

#include "text/tokenizer_json.h"
#include "text/unicode.h"
#include "text/wordpiece.h"

namespace holdfast {
namespace {

constexpr std::size_t kMostTokens = std::size_t{1} << 24;
constexpr int64_t kMostCharacters = 100;  // of a word, as in BERT's own code

// As BertTokenizer's defaults are.
struct Config {
  BertForm form;
  std::string unknown = "[UNK]", first = "[CLS]", separator = "[SEP]";
  std::vector<std::string> others{"[PAD]", "[MASK]"};
};

Status read_name(const hf::Json& config, std::string_view key, std::string& out) {
  auto field = config.field(key);
  if (field && field->value.is_object()) {
    ASSIGN_OR_RETURN(field, field->required("content"));
  }
  if (!field) return {};
  ASSIGN_OR_RETURN(const std::string_view name, field->string());
  out = name;
  return {};
}

Result<Config> read_config(std::string_view text) {
  Config out;
  if (text.empty()) return out;
  simdjson::dom::parser parser;
  ASSIGN_OR_RETURN(const hf::Json config, hf::parse(parser, text, "tokenizer_config.json"));
  ASSIGN_OR_RETURN(out.form.lower_case, config.boolean_or("do_lower_case", true));
  ASSIGN_OR_RETURN(out.form.strip_accents, config.boolean_or("strip_accents", out.form.lower_case));
  ASSIGN_OR_RETURN(out.form.space_ideographs, config.boolean_or("tokenize_chinese_chars", true));
  RETURN_IF_ERROR(read_name(config, "unk_token", out.unknown));
  RETURN_IF_ERROR(read_name(config, "cls_token", out.first));
  RETURN_IF_ERROR(read_name(config, "sep_token", out.separator));
  RETURN_IF_ERROR(read_name(config, "pad_token", out.others[0]));
  RETURN_IF_ERROR(read_name(config, "mask_token", out.others[1]));
  return out;
}

}  // namespace

Result<TokenizerParts> read_vocab_txt(const TokenizerData& data) {
  ASSIGN_OR_RETURN(const Config config, read_config(data.tokenizer_config_json));
  const auto is_control = [&](std::string_view token) {
    return token == config.unknown || token == config.first || token == config.separator ||
           token == config.others[0] || token == config.others[1];
  };
  TokenizerParts parts;
  parts.vocabulary = std::make_unique<Vocabulary>();
  std::optional<int32_t> unknown;
  std::string_view text = data.vocab_txt;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view token = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (token.ends_with('\r')) token.remove_suffix(1);
    const int32_t id = parts.vocabulary->add(token);
    if (static_cast<std::size_t>(id) >= kMostTokens) {
      return fail(Code::kCorrupt, "more tokens than any model has", "vocab.txt");
    }
    const bool control = is_control(token);
    parts.kinds.push_back(control ? TokenKind::kControl : TokenKind::kNormal);
    if (!control) {
      if (is_utf8(token)) parts.vocabulary->index(id);
      continue;
    }
    if (token == config.unknown) unknown = id;
    if (token == config.first) parts.bos = id;
    if (token == config.separator) parts.sep = id;
    AddedToken added;
    added.content = token;
    added.id = id;
    added.restricted = true;
    parts.added.push_back(std::move(added));
  }
  if (!unknown || !parts.bos || !parts.sep) {
    return fail(Code::kCorrupt,
                "the vocabulary lacks one of " + config.unknown + ", " + config.first + " and " +
                    config.separator,
                "vocab.txt");
  }
  parts.adds_bos = parts.bert_pairs = true;
  std::vector<SplitStep> splits;
  splits.push_back({is_white_space, SplitBehavior::kRemoved});
  splits.push_back({is_bert_punctuation, SplitBehavior::kIsolated});
  parts.pretokenizer = PreTokenizer(std::move(splits));
  parts.normalizer = Normalizer({{config.form}});
  parts.encoder = std::make_unique<WordPiece>(*parts.vocabulary, "##", *unknown, kMostCharacters);
  return parts;
}

}  // namespace holdfast
