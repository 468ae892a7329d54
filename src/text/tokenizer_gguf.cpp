// Reads a tokenizer from GGUF's tokenizer.ggml arrays.

#include <algorithm>
#include <array>
#include <cmath>

#include "text/bpe.h"
#include "text/byte_alphabet.h"
#include "text/model_tokenizer.h"
#include "text/sentencepiece.h"
#include "text/unicode.h"

namespace holdfast {
namespace {

enum GgufTokenType : int32_t {
  kNormalType = 1,
  kUnknownType = 2,
  kControlType = 3,
  kUserDefinedType = 4,
  kUnusedType = 5,
  kByteType = 6,
};

constexpr std::size_t kMostTokens = std::size_t{1} << 24;
constexpr std::size_t kLongestAddedToken = 4096;

tl::unexpected<Error> corrupt(std::string message, std::string where) {
  return fail(Code::kCorrupt, std::move(message), std::move(where));
}

std::string nth(const char* key, std::size_t index) {
  return std::string("tokenizer.ggml.") + key + "[" + std::to_string(index) + "]";
}

int32_t type_of(const TokenizerData& data, std::size_t id) {
  return data.types.empty() ? kNormalType : data.types[id];
}

// "[PAD151646]" at 151646: a converter's filler for rows of the embedding without a token.
bool is_filler(std::string_view spelling, std::size_t id) {
  return spelling == "[PAD" + std::to_string(id) + "]";
}

Status check_sizes(const TokenizerData& data) {
  if (data.tokens.size() > kMostTokens) {
    return corrupt(std::to_string(data.tokens.size()) + " tokens are more than any model has",
                   "tokenizer.ggml.tokens");
  }
  if (!data.types.empty() && data.types.size() != data.tokens.size()) {
    return corrupt(std::to_string(data.types.size()) + " token types for " +
                       std::to_string(data.tokens.size()) + " tokens",
                   "tokenizer.ggml.token_type");
  }
  if (!data.scores.empty() && data.scores.size() != data.tokens.size()) {
    return corrupt(std::to_string(data.scores.size()) + " scores for " +
                       std::to_string(data.tokens.size()) + " tokens",
                   "tokenizer.ggml.scores");
  }
  for (std::size_t id = 0; id < data.types.size(); ++id) {
    if (data.types[id] < kNormalType || data.types[id] > kByteType) {
      return corrupt("there is no token type " + std::to_string(data.types[id]),
                     nth("token_type", id));
    }
  }
  return {};
}

// Control, user-defined and unknown tokens, which are found in the text before it is cut.
Status add_added_token(const TokenizerData& data, std::size_t id, TokenizerParts& parts) {
  const std::string& content = data.tokens[id];
  if (content.size() > kLongestAddedToken) {
    return corrupt("a special token of " + std::to_string(content.size()) + " bytes",
                   nth("tokens", id));
  }
  const bool control = type_of(data, id) != kUserDefinedType || looks_like_control(content);
  parts.kinds[id] = control ? TokenKind::kControl : TokenKind::kAdded;
  // Bytes that are not UTF-8 would match within a character; text never has them, so nothing is
  // lost.
  if (!is_utf8(content)) return {};
  AddedToken token;
  token.content = content;
  token.id = static_cast<int32_t>(id);
  token.restricted = control || looks_like_markup(content);
  parts.added.push_back(std::move(token));
  return {};
}

Status set_ids(const TokenizerData& data, TokenizerParts& parts) {
  const auto check = [&](const std::optional<int32_t>& id, const char* key) -> Status {
    if (id && (*id < 0 || *id >= parts.vocabulary->size())) {
      return corrupt("token " + std::to_string(*id) + " does not exist",
                     std::string("tokenizer.ggml.") + key);
    }
    return {};
  };
  RETURN_IF_ERROR(check(data.bos, "bos_token_id"));
  RETURN_IF_ERROR(check(data.eos, "eos_token_id"));
  RETURN_IF_ERROR(check(data.eot, "eot_token_id"));
  RETURN_IF_ERROR(check(data.unk, "unknown_token_id"));
  parts.bos = data.bos;
  parts.eos = data.eos;
  parts.adds_bos = data.add_bos.value_or(parts.adds_bos) && parts.bos.has_value();
  if (data.eos) parts.end_of_generation.insert(*data.eos);
  if (data.eot) parts.end_of_generation.insert(*data.eot);
  add_known_end_tokens(parts);
  return {};
}

Result<TokenizerParts> start(const TokenizerData& data) {
  RETURN_IF_ERROR(check_sizes(data));
  TokenizerParts parts;
  parts.vocabulary = std::make_unique<Vocabulary>();
  std::size_t bytes = 0;
  for (const std::string& token : data.tokens) bytes += token.size();
  parts.vocabulary->reserve(data.tokens.size(), bytes);
  parts.kinds.assign(data.tokens.size(), TokenKind::kNormal);
  return parts;
}

MergeTable read_merges(const TokenizerData& data, const Vocabulary& vocabulary) {
  MergeTable table;
  table.reserve(data.merges.size());
  std::string joined;
  for (std::size_t rank = 0; rank < data.merges.size(); ++rank) {
    const std::string_view merge = data.merges[rank];
    const std::size_t space = merge.find(' ', 1);
    if (space == std::string_view::npos) continue;
    // A merge of or into what is no token can never happen; files have some.
    joined.clear();
    if (!append_spelled_bytes(merge.substr(0, space), joined)) continue;
    const std::size_t left_size = joined.size();
    if (!append_spelled_bytes(merge.substr(space + 1), joined)) continue;
    const std::string_view whole = joined;
    const auto left = vocabulary.find(whole.substr(0, left_size));
    const auto right = vocabulary.find(whole.substr(left_size));
    const auto both = vocabulary.find(whole);
    if (left && right && both) {
      table.set(*left, *right, {static_cast<uint32_t>(rank), *both});
    }
  }
  return table;
}

Result<TokenizerParts> read_byte_level(const TokenizerData& data) {
  if (data.pre.empty()) {
    return fail(Code::kUnimplemented, "the file does not name its pre-tokenizer",
                "tokenizer.ggml.pre", "convert the model again with a current converter");
  }
  ASSIGN_OR_RETURN(NamedPreTokenizer pre, named_pretokenizer(data.pre));
  if (data.merges.size() >= Merge::kNone)
    return corrupt("too many merges", "tokenizer.ggml.merges");
  ASSIGN_OR_RETURN(TokenizerParts parts, start(data));
  Vocabulary& vocabulary = *parts.vocabulary;

  std::string bytes;
  std::vector<int32_t>
      late;  // user-defined tokens may take part in merges, but never win a spelling
  for (std::size_t i = 0; i < data.tokens.size(); ++i) {
    const auto id = static_cast<int32_t>(i);
    const std::string& token = data.tokens[i];
    const int32_t type = type_of(data, i);
    const bool added = type == kControlType || type == kUserDefinedType || type == kUnknownType;
    if (type == kUnusedType || (added && is_filler(token, i))) {
      parts.kinds[i] = TokenKind::kUnused;
      vocabulary.add({});
      continue;
    }
    if (added) {
      RETURN_IF_ERROR(add_added_token(data, i, parts));
      vocabulary.add(token);
      if (parts.kinds[i] == TokenKind::kAdded && !looks_like_markup(token)) late.push_back(id);
      continue;
    }
    bytes.clear();
    if (append_spelled_bytes(token, bytes)) {
      vocabulary.add(bytes);
      vocabulary.index(id);
    } else {  // text can never become it, but a model may say it
      vocabulary.add(token);
    }
  }
  for (const int32_t id : late) vocabulary.index(id);

  std::array<int32_t, 256> byte_tokens;
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    byte_tokens[static_cast<std::size_t>(byte)] = vocabulary.find({&c, 1}).value_or(-1);
  }
  BpeOptions options;
  options.ignore_merges = pre.ignore_merges;
  parts.encoder =
      std::make_unique<Bpe>(vocabulary, read_merges(data, vocabulary), byte_tokens, options);
  if (pre.nfc) parts.normalizer = Normalizer({{NormalizerStep::Nfc{}}});
  parts.pretokenizer = PreTokenizer(std::move(pre.steps));
  parts.adds_bos = pre.adds_bos;
  RETURN_IF_ERROR(set_ids(data, parts));
  return parts;
}

Result<TokenizerParts> read_sentencepiece(const TokenizerData& data) {
  if (data.scores.empty()) {
    return corrupt("a SentencePiece tokenizer without scores", "tokenizer.ggml.scores");
  }
  ASSIGN_OR_RETURN(TokenizerParts parts, start(data));
  Vocabulary& vocabulary = *parts.vocabulary;
  std::array<int32_t, 256> byte_tokens;
  byte_tokens.fill(-1);
  for (std::size_t i = 0; i < data.tokens.size(); ++i) {
    const auto id = static_cast<int32_t>(i);
    const std::string& token = data.tokens[i];
    if (std::isnan(data.scores[i])) return corrupt("a score is not a number", nth("scores", i));
    switch (type_of(data, i)) {
      case kNormalType:
        vocabulary.add(token);
        if (is_utf8(token)) vocabulary.index(id);
        break;
      case kByteType: {
        const auto byte = byte_of_fallback_token(token);
        if (!byte) return corrupt("a byte token is not spelled <0xNN>", nth("tokens", i));
        const char c = static_cast<char>(*byte);
        vocabulary.add({&c, 1});
        byte_tokens[*byte] = id;
        break;
      }
      case kUnusedType:
        parts.kinds[i] = TokenKind::kUnused;
        vocabulary.add({});
        break;
      default:
        if (is_filler(token, i)) {
          parts.kinds[i] = TokenKind::kUnused;
          vocabulary.add({});
        } else {
          RETURN_IF_ERROR(add_added_token(data, i, parts));
          vocabulary.add(token);
        }
    }
  }
  std::optional<int32_t> unknown = data.unk;
  for (std::size_t i = 0; i < data.types.size() && !unknown; ++i) {
    if (data.types[i] == kUnknownType) unknown = static_cast<int32_t>(i);
  }
  parts.encoder = std::make_unique<SentencePieceBpe>(vocabulary, data.scores, byte_tokens, unknown);
  const std::string meta_space = "\xE2\x96\x81";
  std::vector<NormalizerStep> steps;
  parts.strips_leading_space = data.add_space_prefix.value_or(true);
  if (parts.strips_leading_space) steps.push_back({NormalizerStep::Prepend{meta_space}});
  steps.push_back({NormalizerStep::Replace{" ", meta_space}});
  parts.normalizer = Normalizer(std::move(steps));
  if (splits_at_meta_space(vocabulary)) {
    std::vector<SplitStep> words;
    words.push_back({SplitStep::MetaWords{}});
    parts.pretokenizer = PreTokenizer(std::move(words));
  }
  parts.meta_space = true;
  parts.adds_bos = true;
  RETURN_IF_ERROR(set_ids(data, parts));
  return parts;
}

}  // namespace

Result<TokenizerParts> read_gguf_tokenizer(const TokenizerData& data) {
  if (data.model == "gpt2") return read_byte_level(data);
  if (data.model == "llama") return read_sentencepiece(data);
  return fail(Code::kUnimplemented, "the tokenizer model \"" + data.model + "\" is not known",
              "tokenizer.ggml.model",
              "known are \"gpt2\" (byte-level BPE) and \"llama\" (SentencePiece BPE)");
}

}  // namespace holdfast
