#include "text/normalizer.h"

#include "text/unicode.h"

namespace holdfast {
namespace {

std::string replaced(std::string_view text, const NormalizerStep::Replace& rule) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  std::size_t done = 0;
  for (std::size_t at; (at = text.find(rule.from, done)) != std::string_view::npos;) {
    out += text.substr(done, at - done);
    out += rule.to;
    done = at + rule.from.size();
  }
  out += text.substr(done);
  return out;
}

}  // namespace

std::string_view Normalizer::apply(std::string_view text, bool at_start,
                                   std::string& storage) const {
  for (const NormalizerStep& step : steps_) {
    if (text.empty()) break;
    std::string next;
    if (std::holds_alternative<NormalizerStep::Nfc>(step.what)) {
      if (is_surely_nfc(text)) continue;
      next = to_nfc(text);
    } else if (const auto* prepend = std::get_if<NormalizerStep::Prepend>(&step.what)) {
      if (prepend->only_at_start && !at_start) continue;
      if (prepend->unless_there && text.starts_with(prepend->text)) continue;
      next = prepend->text;
      next += text;
    } else if (const auto* form = std::get_if<BertForm>(&step.what)) {
      next = bert_form(text, *form);
    } else {
      const auto& rule = std::get<NormalizerStep::Replace>(step.what);
      if (text.find(rule.from) == std::string_view::npos) continue;
      next = replaced(text, rule);
    }
    storage = std::move(next);
    text = storage;
  }
  return text;
}

}  // namespace holdfast
