#include "server/request_fields.h"

#include <cmath>
#include <new>

#include <boost/json/memory_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/stream_parser.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

namespace holdfast {

namespace json = boost::json;

namespace {

constexpr size_t kMaxDepth = 64;

// A body of "[[],[],..." takes many times its size as a tree: the tree gets a fixed multiple of the
// body, then parsing ends.
class BoundedMemory final : public json::memory_resource {
 public:
  explicit BoundedMemory(size_t budget) : left_(budget) {}

 private:
  void* do_allocate(size_t bytes, size_t alignment) override {
    if (bytes > left_) throw std::bad_alloc();
    left_ -= bytes;
    return ::operator new(bytes, std::align_val_t(alignment));
  }
  void do_deallocate(void* block, size_t bytes, size_t alignment) override {
    left_ += bytes;
    ::operator delete(block, std::align_val_t(alignment));
  }
  bool do_is_equal(const json::memory_resource& other) const noexcept override {
    return this == &other;
  }

  size_t left_;
};

}  // namespace

std::string_view kind_name(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "a boolean";
    case json::kind::int64:
    case json::kind::uint64:
      return "an integer";
    case json::kind::double_:
      return "a number";
    case json::kind::string:
      return "a string";
    case json::kind::array:
      return "an array";
    case json::kind::object:
      return "an object";
  }
  return "something else";
}

ApiResult<json::value> parse_json_object(std::string_view body) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return api_fail(400, "The request has no body; a JSON object was expected", "invalid_json");
  }
  try {
    json::parse_options options;
    options.max_depth = kMaxDepth;
    auto memory = json::make_shared_resource<BoundedMemory>((size_t{1} << 20) + 24 * body.size());
    json::stream_parser parser(memory, options);
    json::error_code ec;
    size_t used = parser.write_some(body.data(), body.size(), ec);
    if (!ec && used < body.size() &&
        body.find_first_not_of(" \t\r\n", used) != std::string_view::npos) {
      ec = json::error::extra_data;
    }
    if (!ec) parser.finish(ec);
    if (ec) {
      if (ec == json::error::too_deep) {
        return api_fail(400,
                        fmt::format("The body's JSON is nested deeper than {} levels", kMaxDepth),
                        "invalid_json");
      }
      return api_fail(
          400, fmt::format("The body is not valid JSON: {} near byte {}", ec.message(), used),
          "invalid_json");
    }
    json::value value = parser.release();
    if (!value.is_object()) {
      return api_fail(400, fmt::format("The body must be a JSON object, not {}", kind_name(value)),
                      "invalid_json");
    }
    return value;
  } catch (const std::exception&) {  // bad_alloc, or a string too long for the library
    return api_fail(413, "The body's JSON takes too much memory", "body_too_large");
  }
}

const json::value* RequestFields::find(std::string_view name) const {
  const json::value* value = object_.if_contains(name);
  return value && !value->is_null() ? value : nullptr;
}

void RequestFields::fail(std::string_view param, std::string message, std::string code) {
  if (error_) return;
  error_ = ApiError{400, std::move(message), std::move(code), std::string(param), {}};
}

void RequestFields::wrong_type(std::string_view name, std::string_view wanted,
                               const json::value& got) {
  fail(name, fmt::format("'{}' must be {}, not {}", name, wanted, kind_name(got)), "invalid_type");
}

std::optional<double> RequestFields::number(std::string_view name, double low, double high) {
  const json::value* value = find(name);
  if (!value) return std::nullopt;
  if (!value->is_number()) {
    wrong_type(name, "a number", *value);
    return std::nullopt;
  }
  const double number = value->to_number<double>();
  if (!(number >= low && number <= high)) {
    fail(name, fmt::format("'{}' must be from {} to {}, not {}", name, low, high, number),
         "invalid_value");
    return std::nullopt;
  }
  return number;
}

std::optional<int64_t> RequestFields::integer(std::string_view name, int64_t low, int64_t high) {
  const json::value* value = find(name);
  if (!value) return std::nullopt;
  if (value->is_double() || !value->is_number()) {
    wrong_type(name, "an integer", *value);
    return std::nullopt;
  }
  json::error_code ec;
  const auto number = value->to_number<int64_t>(ec);
  if (ec || number < low || number > high) {
    fail(name,
         high == std::numeric_limits<int64_t>::max()
             ? fmt::format("'{}' must be at least {}", name, low)
             : fmt::format("'{}' must be from {} to {}", name, low, high),
         "invalid_value");
    return std::nullopt;
  }
  return number;
}

std::optional<bool> RequestFields::boolean(std::string_view name) {
  const json::value* value = find(name);
  if (!value) return std::nullopt;
  if (!value->is_bool()) {
    wrong_type(name, "a boolean", *value);
    return std::nullopt;
  }
  return value->get_bool();
}

std::optional<std::string> RequestFields::string(std::string_view name) {
  const json::value* value = find(name);
  if (!value) return std::nullopt;
  if (!value->is_string()) {
    wrong_type(name, "a string", *value);
    return std::nullopt;
  }
  const auto& text = value->get_string();
  return std::string(text.data(), text.size());
}

std::vector<std::string> RequestFields::strings(std::string_view name, size_t most) {
  const json::value* value = find(name);
  if (!value) return {};
  if (value->is_string()) return {*string(name)};
  if (!value->is_array()) {
    wrong_type(name, "a string or an array of strings", *value);
    return {};
  }
  const json::array& array = value->get_array();
  if (array.size() > most) {
    fail(name, fmt::format("'{}' may hold at most {} strings, not {}", name, most, array.size()),
         "invalid_value");
    return {};
  }
  std::vector<std::string> out;
  for (size_t i = 0; i < array.size(); ++i) {
    if (!array[i].is_string()) {
      wrong_type(fmt::format("{}[{}]", name, i), "a string", array[i]);
      return {};
    }
    out.emplace_back(array[i].get_string().data(), array[i].get_string().size());
  }
  return out;
}

const json::object* RequestFields::object(std::string_view name) {
  const json::value* value = find(name);
  if (!value) return nullptr;
  if (!value->is_object()) {
    wrong_type(name, "an object", *value);
    return nullptr;
  }
  return &value->get_object();
}

void RequestFields::refuse(std::string_view name, std::string_view why) {
  if (!has(name)) return;
  fail(name,
       fmt::format("'{}' is not supported by this version{}{}", name, why.empty() ? "" : ": ", why),
       "unsupported_parameter");
}

}  // namespace holdfast
