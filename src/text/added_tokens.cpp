#include "text/added_tokens.h"

#include <algorithm>
#include <cstring>

#include "text/unicode.h"

namespace holdfast {
namespace {

constexpr std::string_view kFullWidthBar = "\xEF\xBD\x9C";  // U+FF5C, in DeepSeek's tokens

bool framed(std::string_view text, std::string_view open, std::string_view close) {
  return text.size() > open.size() + close.size() && text.starts_with(open) &&
         text.ends_with(close);
}

// The start of the character that ends at text[end].
std::size_t previous_character(std::string_view text, std::size_t end) {
  std::size_t at = end - 1;
  while (at > 0 && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80) --at;
  return at;
}

bool word_before(std::string_view text, std::size_t at) {
  return at > 0 && is_word_character(utf8_step(text.substr(previous_character(text, at))).code);
}
bool word_after(std::string_view text, std::size_t at) {
  return at < text.size() && is_word_character(utf8_step(text.substr(at)).code);
}

}  // namespace

bool looks_like_control(std::string_view content) {
  return framed(content, "<|", "|>") ||
         framed(content, "<" + std::string(kFullWidthBar), std::string(kFullWidthBar) + ">");
}

bool looks_like_markup(std::string_view content) {
  return framed(content, "<", ">") || framed(content, "[", "]");
}

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::erase_if(tokens_, [](const AddedToken& token) { return token.content.empty(); });
  std::stable_sort(tokens_.begin(), tokens_.end(),
                   [](const AddedToken& a, const AddedToken& b) { return a.content < b.content; });
  for (const AddedToken& token : tokens_) is_first_[static_cast<uint8_t>(token.content[0])] = true;
  for (int byte = 0; byte < 256; ++byte) {
    if (is_first_[byte]) first_bytes_ += static_cast<char>(byte);
  }
}

// Narrows the sorted tokens byte by byte to those that start as the text does.
const AddedToken* AddedTokenMatcher::longest_at(std::string_view text) const {
  const AddedToken* best = nullptr;
  auto low = tokens_.begin(), high = tokens_.end();
  for (std::size_t depth = 0; depth < text.size() && low != high; ++depth) {
    const auto byte = static_cast<uint8_t>(text[depth]);
    const auto before = [depth](const AddedToken& token, uint8_t value) {
      return token.content.size() <= depth || static_cast<uint8_t>(token.content[depth]) < value;
    };
    const auto after = [depth](uint8_t value, const AddedToken& token) {
      return token.content.size() > depth && value < static_cast<uint8_t>(token.content[depth]);
    };
    low = std::lower_bound(low, high, byte, before);
    high = std::upper_bound(low, high, byte, after);
    if (low != high && low->content.size() == depth + 1) best = &*low;
  }
  return best;
}

std::optional<AddedTokenMatcher::Found> AddedTokenMatcher::find(std::string_view text,
                                                                std::size_t from,
                                                                std::size_t limit) const {
  if (tokens_.empty()) return std::nullopt;
  for (std::size_t at = from; at < limit; ++at) {
    if (first_bytes_.size() == 1) {
      const void* hit = std::memchr(text.data() + at, first_bytes_[0], limit - at);
      if (hit == nullptr) return std::nullopt;
      at = static_cast<std::size_t>(static_cast<const char*>(hit) - text.data());
    } else if (!is_first_[static_cast<uint8_t>(text[at])]) {
      continue;
    }
    const AddedToken* token = longest_at(text.substr(at, limit - at));
    if (token == nullptr) continue;
    Found found{at, at + token->content.size(), token};
    if (token->single_word && (word_before(text, found.begin) || word_after(text, found.end))) {
      at = found.end - 1;
      continue;
    }
    if (token->lstrip) {
      while (found.begin > from) {
        const std::size_t previous = previous_character(text, found.begin);
        if (!is_white_space(utf8_step(text.substr(previous)).code)) break;
        found.begin = std::max(previous, from);
      }
    }
    if (token->rstrip) {
      while (found.end < limit) {
        const Utf8Step step = utf8_step(text.substr(found.end));
        if (!is_white_space(step.code)) break;
        found.end += step.bytes;
      }
    }
    return found;
  }
  return std::nullopt;
}

}  // namespace holdfast
