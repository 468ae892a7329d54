// YAML files that people write: parsed strictly, every error with its line and column. Aliases,
// tags and keys given twice are refused: what stands there is what is meant.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast {

struct YamlEntry;

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  std::string scalar;
  bool quoted = false;
  int line = 1, column = 1;        // counted from 1
  std::vector<YamlNode> items;     // of a list
  std::vector<YamlEntry> entries;  // of a map
};

struct YamlEntry {
  YamlNode key;  // a scalar
  YamlNode value;
};

// One document of at most 1 MiB, 32 levels deep; kNull for an empty one. invalid_argument.
Result<YamlNode> parse_yaml(std::string_view text, const std::string& file);

// The first thing wrong with a document; later ones are dropped.
class YamlErrors {
 public:
  explicit YamlErrors(std::string file) : file_(std::move(file)) {}
  void fail(const YamlNode& at, std::string message, std::string hint = {});
  std::string where(const YamlNode& at) const;  // "FILE, line 3, column 5"
  bool ok() const { return !first_; }
  Status status() const;

 private:
  std::string file_;
  std::optional<Error> first_;
};

// Reads the keys of one map. A reader asks for every key it knows and then calls end(), which
// refuses those it was not asked for. After an error everything yields nothing.
class YamlMap {
 public:
  // `what` it is, for messages: "a role". Null counts as an empty map.
  YamlMap(const YamlNode& node, YamlErrors& errors, std::string_view what);

  const YamlNode* find(std::string_view key);  // null: absent
  std::optional<std::string> string(std::string_view key);
  std::optional<bool> boolean(std::string_view key);  // true or false
  // Digits may be grouped by '_'.
  std::optional<int64_t> integer(std::string_view key, int64_t low, int64_t high);
  // A list of scalars, or one alone.
  std::optional<std::vector<std::string>> strings(std::string_view key);
  void end();

 private:
  const YamlNode& node_;
  YamlErrors& errors_;
  std::string what_;
  std::vector<std::string_view> known_;
};

// A list of scalars, or one alone, as nodes; empty after an error.
std::vector<const YamlNode*> yaml_scalars(const YamlNode& node, YamlErrors& errors,
                                          std::string_view what);

// The candidate that `word` was meant to be, or empty when none is near.
std::string nearest_word(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace holdfast
