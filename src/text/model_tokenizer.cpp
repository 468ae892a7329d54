#include "text/model_tokenizer.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "text/unicode.h"

namespace holdfast {
namespace {

constexpr std::string_view kMetaSpace = "\xE2\x96\x81";  // U+2581

std::vector<AddedToken> select(const std::vector<AddedToken>& tokens, auto&& wanted) {
  std::vector<AddedToken> out;
  std::copy_if(tokens.begin(), tokens.end(), std::back_inserter(out), wanted);
  return out;
}

}  // namespace

// A stretch of the text by one author.
struct ModelTokenizer::Region {
  std::size_t end;
  bool trusted;
};

// Restricted tokens are looked for in the raw text even where the file wants them normalized first:
// who wrote what is known of raw text only.
ModelTokenizer::ModelTokenizer(TokenizerParts parts)
    : parts_(std::move(parts)),
      trusted_(
          select(parts_.added, [](const AddedToken& t) { return t.restricted || !t.normalized; })),
      untrusted_(
          select(parts_.added, [](const AddedToken& t) { return !t.restricted && !t.normalized; })),
      normalized_(
          select(parts_.added, [](const AddedToken& t) { return !t.restricted && t.normalized; })) {
  CHECK(parts_.kinds.size() == static_cast<std::size_t>(parts_.vocabulary->size()));
}

std::vector<int32_t> ModelTokenizer::encode(std::string_view text, Special special,
                                            bool add_bos) const {
  std::string repaired;
  if (!is_utf8(text)) {
    repaired = replace_invalid_utf8(text);
    text = repaired;
  }
  const Region whole{text.size(), special == Special::kParse};
  return encode_regions(text, std::span(&whole, 1), add_bos);
}

std::vector<int32_t> ModelTokenizer::encode(std::span<const TextPart> parts, bool add_bos) const {
  std::string text;
  std::vector<Region> regions;
  for (const TextPart& part : parts) {
    text += is_utf8(part.text) ? part.text : replace_invalid_utf8(part.text);
    if (regions.empty() || regions.back().trusted != part.trusted) {
      regions.push_back({text.size(), part.trusted});
    } else {
      regions.back().end = text.size();
    }
  }
  return encode_regions(text, regions, add_bos);
}

// Only between two added tokens is text cut: words run on from one author's region to the next, so
// that a prompt has the tokens it would have as one text.
std::vector<int32_t> ModelTokenizer::encode_regions(std::string_view text,
                                                    std::span<const Region> regions,
                                                    bool add_bos) const {
  std::vector<int32_t> out;
  out.reserve(text.size() / 3 + 8);
  if (add_bos && parts_.bos) out.push_back(*parts_.bos);
  std::size_t segment = 0, at = 0;
  for (const Region& region : regions) {
    const AddedTokenMatcher& matcher = region.trusted ? trusted_ : untrusted_;
    while (const auto found = matcher.find(text, at, region.end)) {
      encode_segment(text.substr(segment, found->begin - segment), segment == 0, out);
      out.push_back(found->token->id);
      segment = at = found->end;
    }
    at = region.end;
  }
  encode_segment(text.substr(segment), segment == 0, out);
  return out;
}

void ModelTokenizer::encode_segment(std::string_view text, bool at_start,
                                    std::vector<int32_t>& out) const {
  if (text.empty()) return;
  std::string storage;
  std::vector<std::string_view> words;
  text = parts_.normalizer.apply(text, at_start, storage);
  const auto encode_words = [&](std::string_view part) {
    parts_.pretokenizer.split(part, words);
    for (const std::string_view word : words) parts_.encoder->encode(word, out);
  };
  std::size_t done = 0;
  while (const auto found = normalized_.find(text, done, text.size())) {
    encode_words(text.substr(done, found->begin - done));
    out.push_back(found->token->id);
    done = found->end;
  }
  encode_words(text.substr(done));
}

std::string ModelTokenizer::piece(int32_t token, Special special) const {
  if (token < 0 || token >= vocab_size()) return {};
  const TokenKind kind = parts_.kinds[static_cast<std::size_t>(token)];
  if (kind == TokenKind::kControl && special != Special::kParse) return {};
  std::string text(parts_.vocabulary->spelling(token));
  if (!parts_.meta_space || kind != TokenKind::kNormal) return text;
  for (std::size_t at = 0; (at = text.find(kMetaSpace, at)) != std::string::npos; ++at) {
    text.replace(at, kMetaSpace.size(), " ");
  }
  return text;
}

bool ModelTokenizer::is_text(int32_t token) const {
  if (token < 0 || token >= vocab_size()) return false;
  const TokenKind kind = parts_.kinds[static_cast<std::size_t>(token)];
  if (kind == TokenKind::kAdded) return !looks_like_markup(parts_.vocabulary->spelling(token));
  return kind == TokenKind::kNormal;
}

bool ModelTokenizer::is_end_of_generation(int32_t token) const {
  return parts_.end_of_generation.contains(token);
}

std::optional<int32_t> ModelTokenizer::find(std::string_view token) const {
  for (const AddedToken& added : parts_.added) {
    if (added.content == token) return added.id;
  }
  return parts_.vocabulary->find(token);
}

void add_known_end_tokens(TokenizerParts& parts) {
  static constexpr std::array<std::string_view, 8> kKnown{
      "<|im_end|>",
      "<|endoftext|>",
      "<|eot_id|>",
      "<|eom_id|>",
      "<|end_of_text|>",
      "<|EOT|>",
      "<|end|>",
      "<\xEF\xBD\x9C"
      "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>"};
  for (const AddedToken& token : parts.added) {
    if (std::find(kKnown.begin(), kKnown.end(), token.content) != kKnown.end()) {
      parts.end_of_generation.insert(token.id);
    }
  }
}

}  // namespace holdfast
