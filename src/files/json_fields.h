// Reading of JSON objects whose fields we know, with errors that name the field.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace simdjson::dom {
class element;
class parser;
}  // namespace simdjson::dom

namespace holdfast {

class JsonDocument;

// One object inside a document; a cheap view that the document must outlive. Getters give nothing
// for a field that is missing or null, and corrupt (naming file and path) for one of another kind.
class JsonObject {
 public:
  Result<std::optional<int32_t>> get_int(
      std::string_view key) const;  // 0 to 2^31 - 1; 3.0 counts as 3
  Result<std::optional<float>> get_float(std::string_view key) const;
  Result<std::optional<bool>> get_bool(std::string_view key) const;
  Result<std::optional<std::string>> get_string(std::string_view key) const;
  Result<std::optional<JsonObject>> get_object(std::string_view key) const;
  // Elements that are not strings: corrupt.
  Result<std::optional<std::vector<std::string>>> get_strings(std::string_view key) const;
  Result<std::optional<std::vector<int64_t>>> get_ints(std::string_view key) const;
  // Every field's value as JSON on one line.
  std::vector<std::pair<std::string_view, std::string>> texts() const;
  // A text, as one entry without a name, or an array of {"name", "template"} (chat templates).
  Result<std::optional<std::vector<std::pair<std::string, std::string>>>> get_named_texts(
      std::string_view key) const;
  bool has(std::string_view key) const;  // there and not null
  // All fields, when they are all objects (null: left out) or all strings; one pass. Keys may
  // repeat.
  Result<std::vector<std::pair<std::string_view, JsonObject>>> objects() const;
  Result<std::vector<std::pair<std::string_view, std::string_view>>> strings() const;

  // "config.json, $.rope_scaling.factor"
  std::string where(std::string_view key) const;

 private:
  friend class JsonDocument;
  JsonObject(const simdjson::dom::element& object, std::string path);
  bool find(std::string_view key, simdjson::dom::element& out) const;
  tl::unexpected<Error> wrong(std::string_view key, std::string_view wanted) const;

  // simdjson's element is two pointers; kept as such so that this header need not include it.
  alignas(8) unsigned char element_[16];
  std::string path_;  // "config.json, $"
};

// A parsed text, UTF-8, at most 1024 levels deep. Owns what its objects show.
class JsonDocument {
 public:
  // corrupt, with `name` and what the parser said, for text that is no JSON object.
  static Result<JsonDocument> parse(const std::string& name, std::string_view text);
  JsonDocument(JsonDocument&&) noexcept;
  ~JsonDocument();

  JsonObject root() const;

 private:
  JsonDocument();
  std::string name_;
  std::unique_ptr<simdjson::dom::parser> parser_;
};

}  // namespace holdfast
