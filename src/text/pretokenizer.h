// Cuts text into the words that byte-pair encoding works on, by the rules a model was trained with.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "text/regex.h"
#include "text/vocabulary.h"

namespace holdfast {

// What becomes of the separator that a split step found, as tokenizer.json names it.
enum class SplitBehavior { kIsolated, kRemoved, kMergedWithPrevious, kMergedWithNext, kContiguous };

// One step: every word so far is cut where `matcher` matches.
struct SplitStep {
  struct MetaWords {};  // runs of U+2581 with what follows; see splits_at_meta_space()
  // Each character that is one.
  using Character = bool (*)(char32_t code);
  std::variant<Regex, std::string, Character, MetaWords> matcher;  // string: a literal text
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  // cut at what the matcher leaves instead
};

// Thread-safe: const after construction.
class PreTokenizer {
 public:
  explicit PreTokenizer(std::vector<SplitStep> steps) : steps_(std::move(steps)) {}

  // Cuts `text` (valid UTF-8) into `words`, in order; they point into it. Without steps the text is
  // one word. `words` is replaced.
  void split(std::string_view text, std::vector<std::string_view>& words) const;

 private:
  std::vector<SplitStep> steps_;
};

// True when no token of `vocabulary` continues past a space (U+2581) and the space itself is one,
// so that text cut into MetaWords has the tokens it would have in one piece; much faster.
bool splits_at_meta_space(const Vocabulary& vocabulary);

// GPT-2's pattern, which is also what tokenizer.json's ByteLevel with use_regex means.
inline constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// How a GGUF's `tokenizer.ggml.pre` cuts, and what else the name tells.
struct NamedPreTokenizer {
  std::vector<SplitStep> steps;
  bool nfc = false;            // text is normalized to form C first
  bool ignore_merges = false;  // see BpeOptions
  bool adds_bos = false;       // unless the file says otherwise
};
// unimplemented, listing the names we know, for any other.
Result<NamedPreTokenizer> named_pretokenizer(std::string_view name);

}  // namespace holdfast
