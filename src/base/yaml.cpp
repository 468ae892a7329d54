#include "base/yaml.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

namespace holdfast {

namespace {

constexpr size_t kMaxBytes = 1u << 20;
constexpr size_t kMaxDepth = 32;

// Builds the tree from yaml-cpp's events. Throws its exceptions, which parse_yaml catches.
class Builder final : public YAML::EventHandler {
 public:
  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(make(YamlNode::Kind::kNull, mark, "?", anchor));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse_alias(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node = make(YamlNode::Kind::kScalar, mark, tag, anchor);
    node.scalar = value;
    node.quoted = tag == "!";
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(make(YamlNode::Kind::kList, mark, tag, anchor));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(make(YamlNode::Kind::kMap, mark, tag, anchor));
  }
  void OnMapEnd() override { close(); }

 private:
  [[noreturn]] static void refuse_alias(const YAML::Mark& mark) {
    throw YAML::ParserException(mark, "anchors and aliases are not taken here");
  }
  static YamlNode make(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
                       YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) refuse_alias(mark);
    if (!tag.empty() && tag != "?" && tag != "!") {
      throw YAML::ParserException(mark, "tags are not taken here");
    }
    YamlNode node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }

  void open(YamlNode node) {
    if (open_.size() >= kMaxDepth) {
      throw YAML::ParserException({}, "this is nested too deeply");
    }
    open_.push_back(std::move(node));
    keys_.emplace_back();
  }
  void close() {
    YamlNode node = std::move(open_.back());
    open_.pop_back();
    keys_.pop_back();
    add(std::move(node));
  }
  void add(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    YamlNode& parent = open_.back();
    if (parent.kind == YamlNode::Kind::kList) {
      parent.items.push_back(std::move(node));
      return;
    }
    std::optional<YamlNode>& key = keys_.back();
    if (key) {
      parent.entries.push_back({std::move(*key), std::move(node)});
      key.reset();
      return;
    }
    const YAML::Mark mark = mark_of(node);
    if (node.kind != YamlNode::Kind::kScalar) {
      throw YAML::ParserException(mark, "a key must be a word");
    }
    for (const auto& [other, value] : parent.entries) {
      if (other.scalar != node.scalar) continue;
      throw YAML::ParserException(
          mark, fmt::format("'{}' stands here twice, first in line {}", node.scalar, other.line));
    }
    key = std::move(node);
  }
  static YAML::Mark mark_of(const YamlNode& node) {
    YAML::Mark mark;
    mark.line = node.line - 1;
    mark.column = node.column - 1;
    return mark;
  }

  YamlNode root_;
  std::vector<YamlNode> open_;
  std::vector<std::optional<YamlNode>> keys_;  // of each open map, until its value came
};

}  // namespace

Result<YamlNode> parse_yaml(std::string_view text, const std::string& file) {
  if (text.size() > kMaxBytes) {
    return fail(Code::kInvalidArgument, fmt::format("the file passes {} bytes", kMaxBytes), file);
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder;
    if (!parser.HandleNextDocument(builder)) return YamlNode{};
    YamlNode root = builder.take();
    if (Builder second; parser.HandleNextDocument(second)) {
      return fail(Code::kInvalidArgument, "the file holds more than one document", file);
    }
    return root;
  } catch (const YAML::Exception& error) {
    const std::string where = error.mark.is_null()
                                  ? file
                                  : fmt::format("{}, line {}, column {}", file, error.mark.line + 1,
                                                error.mark.column + 1);
    return fail(Code::kInvalidArgument, error.msg, where);
  } catch (const std::exception& error) {
    return fail(Code::kInvalidArgument, fmt::format("this is no YAML: {}", error.what()), file);
  }
}

std::string YamlErrors::where(const YamlNode& at) const {
  return fmt::format("{}, line {}, column {}", file_, at.line, at.column);
}

void YamlErrors::fail(const YamlNode& at, std::string message, std::string hint) {
  if (first_) return;
  first_ = Error{Code::kInvalidArgument, std::move(message), where(at), std::move(hint)};
}

Status YamlErrors::status() const {
  if (first_) return ::holdfast::fail(*first_);
  return {};
}

YamlMap::YamlMap(const YamlNode& node, YamlErrors& errors, std::string_view what)
    : node_(node), errors_(errors), what_(what) {
  if (node.kind != YamlNode::Kind::kMap && node.kind != YamlNode::Kind::kNull) {
    errors.fail(node, fmt::format("{} is a map of keys and values", what));
  }
}

const YamlNode* YamlMap::find(std::string_view key) {
  known_.push_back(key);
  if (!errors_.ok()) return nullptr;
  for (const auto& [name, value] : node_.entries) {
    if (name.scalar != key) continue;
    if (value.kind != YamlNode::Kind::kNull) return &value;
    errors_.fail(name, fmt::format("'{}' has no value", key), "remove the key, or give it one");
    return nullptr;
  }
  return nullptr;
}

std::optional<std::string> YamlMap::string(std::string_view key) {
  const YamlNode* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind == YamlNode::Kind::kScalar) return node->scalar;
  errors_.fail(*node, fmt::format("'{}' is a text", key));
  return std::nullopt;
}

std::optional<bool> YamlMap::boolean(std::string_view key) {
  const YamlNode* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (node->scalar == "true" && !node->quoted) return true;
  if (node->scalar == "false" && !node->quoted) return false;
  errors_.fail(*node, fmt::format("'{}' is true or false", key));
  return std::nullopt;
}

std::optional<int64_t> YamlMap::integer(std::string_view key, int64_t low, int64_t high) {
  const YamlNode* node = find(key);
  if (node == nullptr) return std::nullopt;
  std::string digits = node->scalar;
  std::erase(digits, '_');
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc() && end == digits.data() + digits.size() && value >= low &&
      value <= high) {
    return value;
  }
  errors_.fail(*node, fmt::format("'{}' is a whole number from {} to {}", key, low, high));
  return std::nullopt;
}

std::optional<std::vector<std::string>> YamlMap::strings(std::string_view key) {
  const YamlNode* node = find(key);
  if (node == nullptr) return std::nullopt;
  std::vector<std::string> out;
  for (const YamlNode* item : yaml_scalars(*node, errors_, fmt::format("'{}'", key))) {
    out.push_back(item->scalar);
  }
  return out;
}

void YamlMap::end() {
  if (!errors_.ok()) return;
  for (const auto& [key, value] : node_.entries) {
    if (std::find(known_.begin(), known_.end(), key.scalar) != known_.end()) continue;
    const std::string near = nearest_word(key.scalar, known_);
    std::string all;
    for (const std::string_view known : known_)
      all += (all.empty() ? "" : ", ") + std::string(known);
    errors_.fail(key, fmt::format("{} has no key '{}'", what_, key.scalar),
                 near.empty() ? "it may have: " + all : fmt::format("did you mean '{}'?", near));
    return;
  }
}

std::vector<const YamlNode*> yaml_scalars(const YamlNode& node, YamlErrors& errors,
                                          std::string_view what) {
  if (node.kind == YamlNode::Kind::kScalar) return {&node};
  std::vector<const YamlNode*> out;
  if (node.kind != YamlNode::Kind::kList) {
    errors.fail(node, fmt::format("{} is a list", what));
    return out;
  }
  for (const YamlNode& item : node.items) {
    if (item.kind == YamlNode::Kind::kScalar) {
      out.push_back(&item);
      continue;
    }
    errors.fail(item, fmt::format("{} is a list of words", what));
    return {};
  }
  return out;
}

std::string nearest_word(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string best;
  size_t best_distance = word.size() / 3 + 1;
  for (const std::string_view candidate : candidates) {
    // Levenshtein's distance, a row at a time.
    std::vector<size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (size_t i = 0; i < std::min<size_t>(word.size(), 64); ++i) {
      size_t diagonal = row[0];
      row[0] = i + 1;
      for (size_t j = 0; j < candidate.size(); ++j) {
        const size_t replaced = diagonal + (word[i] == candidate[j] ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = std::min({replaced, row[j + 1] + 1, row[j] + 1});
      }
    }
    if (row.back() > best_distance || (row.back() == best_distance && !best.empty())) continue;
    best_distance = row.back();
    best = candidate;
  }
  return best;
}

}  // namespace holdfast
