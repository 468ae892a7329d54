#include "text/pretokenizer.h"

#include <algorithm>
#include <optional>

#include "text/unicode.h"

namespace holdfast {
namespace {

using Words = std::vector<std::string_view>;

// Collects the alternating stretches of one word, matched and not, into words.
class Cutter {
 public:
  Cutter(const SplitStep& step, Words& out) : step_(step), out_(out), first_(out.size()) {}

  void stretch(std::string_view text, bool matched) {
    if (text.empty()) return;
    matched ^= step_.invert;
    switch (step_.behavior) {
      case SplitBehavior::kIsolated:
        out_.push_back(text);
        break;
      case SplitBehavior::kRemoved:
        if (!matched) out_.push_back(text);
        break;
      case SplitBehavior::kContiguous:
        join_if(out_.size() > first_ && matched == last_matched_, text);
        break;
      case SplitBehavior::kMergedWithPrevious:
        join_if(matched && out_.size() > first_ && !last_matched_, text);
        break;
      case SplitBehavior::kMergedWithNext:
        join_if(!matched && out_.size() > first_ && last_matched_, text);
        break;
    }
    last_matched_ = matched;
  }

 private:
  void join_if(bool join, std::string_view text) {
    if (join) {
      out_.back() = {out_.back().data(), out_.back().size() + text.size()};
    } else {
      out_.push_back(text);
    }
  }

  const SplitStep& step_;
  Words& out_;
  std::size_t first_;
  bool last_matched_ = false;
};

// Calls cut(text, matched) for the stretches of `word`.
void find_stretches(Regex::Scan& scan, std::string_view word, Cutter& cut) {
  scan.restart(word);
  std::size_t done = 0;
  while (const auto match = scan.next()) {
    cut.stretch(word.substr(done, match->begin - done), false);
    cut.stretch(word.substr(match->begin, match->end - match->begin), true);
    done = match->end;
  }
  cut.stretch(word.substr(done), false);
}

void find_stretches(const std::string& literal, std::string_view word, Cutter& cut) {
  std::size_t done = 0;
  for (std::size_t at; (at = word.find(literal, done)) != std::string_view::npos;) {
    cut.stretch(word.substr(done, at - done), false);
    cut.stretch(word.substr(at, literal.size()), true);
    done = at + literal.size();
  }
  cut.stretch(word.substr(done), false);
}

void find_stretches(SplitStep::Character is_one, std::string_view word, Cutter& cut) {
  std::size_t done = 0;
  for (std::size_t at = 0; at < word.size();) {
    const Utf8Step step = utf8_step(word.substr(at));
    if (is_one(step.code)) {
      cut.stretch(word.substr(done, at - done), false);
      cut.stretch(word.substr(at, step.bytes), true);
      done = at + step.bytes;
    }
    at += step.bytes;
  }
  cut.stretch(word.substr(done), false);
}

constexpr std::string_view kMetaSpace = "\xE2\x96\x81";  // U+2581

// Where the next word starts: at a space that follows something else.
std::size_t meta_word_end(std::string_view text) {
  std::size_t at = 0;
  while (text.substr(at).starts_with(kMetaSpace)) at += kMetaSpace.size();
  return std::min(text.find(kMetaSpace, at), text.size());
}

void find_stretches(SplitStep::MetaWords, std::string_view word, Cutter& cut) {
  while (!word.empty()) {
    const std::size_t end = meta_word_end(word);
    cut.stretch(word.substr(0, end), true);
    word.remove_prefix(end);
  }
}

}  // namespace

bool splits_at_meta_space(const Vocabulary& vocabulary) {
  if (!vocabulary.find(kMetaSpace)) return false;
  for (int32_t id = 0; id < vocabulary.size(); ++id) {
    const std::string_view token = vocabulary.spelling(id);
    if (meta_word_end(token) != token.size() && vocabulary.find(token)) return false;
  }
  return true;
}

void PreTokenizer::split(std::string_view text, Words& words) const {
  words.clear();
  if (!text.empty()) words.push_back(text);
  Words next;
  for (const SplitStep& step : steps_) {
    next.clear();
    next.reserve(words.size());
    std::optional<Regex::Scan> scan;
    const Regex* regex = std::get_if<Regex>(&step.matcher);
    if (regex != nullptr) scan.emplace(*regex, std::string_view());
    for (const std::string_view word : words) {
      Cutter cutter(step, next);
      if (scan) {
        find_stretches(*scan, word, cutter);
      } else if (const auto* literal = std::get_if<std::string>(&step.matcher)) {
        find_stretches(*literal, word, cutter);
      } else if (const auto* is_one = std::get_if<SplitStep::Character>(&step.matcher)) {
        find_stretches(*is_one, word, cutter);
      } else {
        find_stretches(SplitStep::MetaWords{}, word, cutter);
      }
    }
    words.swap(next);
  }
}

}  // namespace holdfast
