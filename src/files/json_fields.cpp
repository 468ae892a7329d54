#include "files/json_fields.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <new>

#include <fmt/format.h>
#include <simdjson.h>

#include "files/describe.h"

namespace holdfast {

namespace dom = simdjson::dom;

static_assert(sizeof(dom::element) == 16 && std::is_trivially_copyable_v<dom::element>);

namespace {

dom::object object_of(const unsigned char* bytes) {
  dom::element element;
  std::memcpy(static_cast<void*>(&element), bytes, sizeof element);
  return element.get_object().value_unsafe();
}

std::optional<int64_t> whole(const dom::element& element) {
  int64_t integer;
  if (element.get(integer) == simdjson::SUCCESS) return integer;
  double number;
  if (element.get(number) == simdjson::SUCCESS && number == std::floor(number) &&
      std::fabs(number) < 9e15)
    return static_cast<int64_t>(number);
  return std::nullopt;
}

}  // namespace

JsonObject::JsonObject(const dom::element& object, std::string path) : path_(std::move(path)) {
  std::memcpy(element_, &object, sizeof object);
}

std::string JsonObject::where(std::string_view key) const {
  return fmt::format("{}.{}", path_, printable(key));
}

tl::unexpected<Error> JsonObject::wrong(std::string_view key, std::string_view wanted) const {
  return fail(Code::kCorrupt, fmt::format("the field is not {}", wanted), where(key));
}

bool JsonObject::find(std::string_view key, dom::element& out) const {
  return object_of(element_).at_key(key).get(out) == simdjson::SUCCESS && !out.is_null();
}

bool JsonObject::has(std::string_view key) const {
  dom::element element;
  return find(key, element);
}

Result<std::vector<std::pair<std::string_view, JsonObject>>> JsonObject::objects() const {
  std::vector<std::pair<std::string_view, JsonObject>> out;
  for (const auto field : object_of(element_)) {
    if (field.value.is_null()) continue;
    if (!field.value.is_object()) return wrong(field.key, "an object");
    out.emplace_back(field.key, JsonObject(field.value, where(field.key)));
  }
  return out;
}

Result<std::vector<std::pair<std::string_view, std::string_view>>> JsonObject::strings() const {
  std::vector<std::pair<std::string_view, std::string_view>> out;
  for (const auto field : object_of(element_)) {
    std::string_view value;
    if (field.value.get(value) != simdjson::SUCCESS) return wrong(field.key, "a text");
    out.emplace_back(field.key, value);
  }
  return out;
}

Result<std::optional<int32_t>> JsonObject::get_int(std::string_view key) const {
  dom::element element;
  if (!find(key, element)) return std::nullopt;
  const auto value = whole(element);
  if (!value || *value < 0 || *value > std::numeric_limits<int32_t>::max())
    return wrong(key, "a whole number from 0 to 2147483647");
  return static_cast<int32_t>(*value);
}

Result<std::optional<float>> JsonObject::get_float(std::string_view key) const {
  dom::element element;
  if (!find(key, element)) return std::nullopt;
  double value;
  if (element.get(value) != simdjson::SUCCESS || !std::isfinite(static_cast<float>(value)))
    return wrong(key, "a number");
  return static_cast<float>(value);
}

Result<std::optional<bool>> JsonObject::get_bool(std::string_view key) const {
  dom::element element;
  if (!find(key, element)) return std::nullopt;
  bool value;
  if (element.get(value) != simdjson::SUCCESS) return wrong(key, "true or false");
  return value;
}

Result<std::optional<std::string>> JsonObject::get_string(std::string_view key) const {
  dom::element element;
  if (!find(key, element)) return std::nullopt;
  std::string_view value;
  if (element.get(value) != simdjson::SUCCESS) return wrong(key, "a text");
  return std::string(value);
}

Result<std::optional<JsonObject>> JsonObject::get_object(std::string_view key) const {
  dom::element element;
  if (!find(key, element)) return std::nullopt;
  if (!element.is_object()) return wrong(key, "an object");
  return JsonObject(element, where(key));
}

Result<std::optional<std::vector<std::string>>> JsonObject::get_strings(
    std::string_view key) const {
  dom::element element;
  if (!find(key, element)) return std::nullopt;
  dom::array array;
  if (element.get(array) != simdjson::SUCCESS) return wrong(key, "an array");
  std::vector<std::string> out;
  for (const dom::element one : array) {
    std::string_view value;
    if (one.get(value) != simdjson::SUCCESS) return wrong(key, "an array of texts");
    out.emplace_back(value);
  }
  return out;
}

Result<std::optional<std::vector<int64_t>>> JsonObject::get_ints(std::string_view key) const {
  dom::element element;
  if (!find(key, element)) return std::nullopt;
  dom::array array;
  if (element.get(array) != simdjson::SUCCESS) return wrong(key, "an array");
  std::vector<int64_t> out;
  for (const dom::element one : array) {
    int64_t value;
    if (one.get(value) != simdjson::SUCCESS) return wrong(key, "an array of whole numbers");
    out.push_back(value);
  }
  return out;
}

Result<std::optional<std::vector<std::pair<std::string, std::string>>>> JsonObject::get_named_texts(
    std::string_view key) const {
  dom::element element;
  if (!find(key, element)) return std::nullopt;
  std::vector<std::pair<std::string, std::string>> out;
  std::string_view text, name;
  if (element.get(text) == simdjson::SUCCESS) {
    out.emplace_back("", text);
    return out;
  }
  dom::array array;
  if (element.get(array) != simdjson::SUCCESS) return wrong(key, "a text or an array");
  for (const dom::element one : array) {
    if (one["name"].get(name) != simdjson::SUCCESS ||
        one["template"].get(text) != simdjson::SUCCESS)
      return wrong(key, "an array of named templates");
    out.emplace_back(name, text);
  }
  return out;
}

std::vector<std::pair<std::string_view, std::string>> JsonObject::texts() const {
  std::vector<std::pair<std::string_view, std::string>> out;
  for (const auto field : object_of(element_))
    out.emplace_back(field.key, simdjson::minify(field.value));
  return out;
}

JsonDocument::JsonDocument() = default;
JsonDocument::JsonDocument(JsonDocument&&) noexcept = default;
JsonDocument::~JsonDocument() = default;

Result<JsonDocument> JsonDocument::parse(const std::string& name, std::string_view text) {
  JsonDocument document;
  document.name_ = name;
  document.parser_ = std::make_unique<dom::parser>();
  dom::element root;
  // The parser copies the text into a padded buffer of its own.
  if (const auto error = document.parser_->parse(text.data(), text.size(), true).get(root)) {
    return fail(Code::kCorrupt,
                fmt::format("the text is not JSON: {}", simdjson::error_message(error)), name);
  }
  if (!root.is_object()) return fail(Code::kCorrupt, "the text is not a JSON object", name);
  return document;
}

JsonObject JsonDocument::root() const { return JsonObject(parser_->doc.root(), name_ + ", $"); }

}  // namespace holdfast
