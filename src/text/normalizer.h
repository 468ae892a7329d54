// What is done to text before it is cut into words.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "text/bert_text.h"

namespace holdfast {

struct NormalizerStep {
  struct Nfc {};
  struct Prepend {  // nothing is put in front of nothing
    std::string text;
    bool only_at_start = false;  // of the whole text, not after a special token
    bool unless_there = false;   // not where the text starts with it already
  };
  struct Replace {
    std::string from, to;  // `from` is not empty
  };
  std::variant<Nfc, Prepend, Replace, BertForm> what;
};

// Thread-safe: const after construction.
class Normalizer {
 public:
  explicit Normalizer(std::vector<NormalizerStep> steps = {}) : steps_(std::move(steps)) {}

  // The normal form of `text` (valid UTF-8): `text` itself where nothing changes, else a view of
  // `storage`. `at_start`: the whole text begins with it.
  std::string_view apply(std::string_view text, bool at_start, std::string& storage) const;

 private:
  std::vector<NormalizerStep> steps_;
};

}  // namespace holdfast
