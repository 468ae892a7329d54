#include "server/text_inputs.h"

#include <boost/json/value.hpp>
#include <fmt/format.h>

namespace holdfast {

namespace json = boost::json;

namespace {

bool holds_numbers(const json::array& array) { return !array.empty() && array[0].is_number(); }

std::vector<int32_t> read_tokens(RequestFields& fields, const json::array& array,
                                 const std::string& at) {
  std::vector<int32_t> tokens;
  tokens.reserve(array.size());
  for (size_t i = 0; i < array.size(); ++i) {
    json::error_code ec;
    const auto id = array[i].is_int64() ? array[i].to_number<int32_t>(ec) : -1;
    if (ec || id < 0) {
      const std::string param = fmt::format("{}[{}]", at, i);
      fields.fail(param, fmt::format("'{}' must be a token id", param), "invalid_value");
      return {};
    }
    tokens.push_back(id);
  }
  if (tokens.empty()) {
    fields.fail(at, fmt::format("'{}' holds no tokens", at), "invalid_value");
  }
  return tokens;
}

}  // namespace

std::vector<TextInput> read_text_inputs(RequestFields& fields, std::string_view name, size_t most) {
  const json::value* input = fields.find(name);
  if (!input) {
    fields.fail(name, fmt::format("'{}' is missing", name), "missing_required_parameter");
    return {};
  }
  std::vector<TextInput> out;
  if (input->is_string()) {
    out.emplace_back(*fields.string(name));
    return out;
  }
  const json::array* array = input->if_array();
  if (!array || array->empty()) {
    fields.fail(name,
                fmt::format("'{}' must be a string, an array of strings, an array of token ids, or "
                            "an array of such arrays",
                            name),
                "invalid_type");
    return {};
  }
  if (holds_numbers(*array)) {
    out.emplace_back(read_tokens(fields, *array, std::string(name)));
    return out;
  }
  if (array->size() > most) {
    fields.fail(name, fmt::format("'{}' may hold at most {} {}s", name, most, name),
                "invalid_value");
    return {};
  }
  for (size_t i = 0; i < array->size() && !fields.error(); ++i) {
    const json::value& one = (*array)[i];
    const std::string at = fmt::format("{}[{}]", name, i);
    if (one.is_string()) {
      out.emplace_back(std::string(one.get_string().data(), one.get_string().size()));
    } else if (one.is_array()) {
      out.emplace_back(read_tokens(fields, one.get_array(), at));
    } else {
      fields.fail(at, fmt::format("'{}' must be a string or an array of token ids", at),
                  "invalid_type");
    }
  }
  return out;
}

}  // namespace holdfast
