#include "text/tokenizer_json.h"

namespace holdfast::hf {

std::optional<Json> Json::field(std::string_view key) const {
  simdjson::dom::element found;
  if (value.at_key(key).get(found) != simdjson::SUCCESS || found.is_null()) return std::nullopt;
  const std::string_view separator = path.ends_with(": ") ? "" : ".";
  return Json{found, path + std::string(separator) + std::string(key)};
}

Result<Json> Json::required(std::string_view key) const {
  if (auto found = field(key)) return *std::move(found);
  return wrong("the field \"" + std::string(key) + "\" is missing");
}

Result<std::string_view> Json::string() const {
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS) return wrong("this is no string");
  return text;
}

Result<bool> Json::boolean() const {
  bool flag = false;
  if (value.get_bool().get(flag) != simdjson::SUCCESS)
    return wrong("this is neither true nor false");
  return flag;
}

Result<int64_t> Json::integer() const {
  int64_t number = 0;
  if (value.get_int64().get(number) != simdjson::SUCCESS) return wrong("this is no integer");
  return number;
}

Result<std::vector<Json>> Json::array() const {
  simdjson::dom::array elements;
  if (value.get_array().get(elements) != simdjson::SUCCESS) return wrong("this is no array");
  std::vector<Json> out;
  for (const simdjson::dom::element element : elements) {
    out.push_back({element, path + "[" + std::to_string(out.size()) + "]"});
  }
  return out;
}

Result<std::string_view> Json::string_or(std::string_view key, std::string_view otherwise) const {
  const auto found = field(key);
  return found ? found->string() : otherwise;
}

Result<bool> Json::boolean_or(std::string_view key, bool otherwise) const {
  const auto found = field(key);
  return found ? found->boolean() : otherwise;
}

std::string Json::where() const {
  return path.ends_with(": ") ? path.substr(0, path.size() - 2) : path;
}

tl::unexpected<Error> Json::wrong(std::string message) const {
  return fail(Code::kCorrupt, std::move(message), where());
}

tl::unexpected<Error> Json::unsupported(std::string message) const {
  return fail(Code::kUnimplemented, std::move(message), where(),
              "tokenizers of the Llama, Qwen and DeepSeek families are supported");
}

Result<Json> parse(simdjson::dom::parser& parser, std::string_view text, std::string_view file) {
  simdjson::dom::element root;
  const auto error = parser.parse(text.data(), text.size()).get(root);
  if (error != simdjson::SUCCESS) {
    return fail(Code::kCorrupt, std::string("not JSON: ") + simdjson::error_message(error),
                std::string(file));
  }
  if (!root.is_object()) return fail(Code::kCorrupt, "not a JSON object", std::string(file));
  return Json{root, std::string(file) + ": "};
}

}  // namespace holdfast::hf
