// Reads typed fields out of a request's JSON object. The first thing wrong is kept and everything
// after it yields defaults, so that a parser reads as a list of fields and checks once at the end.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/fwd.hpp>

#include "server/api_error.h"

namespace holdfast {

// `body` as one JSON object. Bounded: 64 levels deep, and memory in proportion to the body. 400 for
// anything else, with the byte where it went wrong.
ApiResult<boost::json::value> parse_json_object(std::string_view body);

class RequestFields {
 public:
  // `object` must outlive this.
  explicit RequestFields(const boost::json::object& object) : object_(object) {}

  // Null counts as absent everywhere, as in OpenAI's API.
  const boost::json::value* find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }

  std::optional<double> number(std::string_view name, double low, double high);
  std::optional<int64_t> integer(std::string_view name,
                                 int64_t low = std::numeric_limits<int64_t>::min(),
                                 int64_t high = std::numeric_limits<int64_t>::max());
  std::optional<bool> boolean(std::string_view name);
  std::optional<std::string> string(std::string_view name);
  // A string or an array of at most `most` strings.
  std::vector<std::string> strings(std::string_view name, size_t most);
  const boost::json::object* object(std::string_view name);

  // A field we know and do not do: an error unless it is absent. `why` may be empty.
  void refuse(std::string_view name, std::string_view why = {});

  void fail(std::string_view param, std::string message, std::string code = {});
  const std::optional<ApiError>& error() const { return error_; }

 private:
  void wrong_type(std::string_view name, std::string_view wanted, const boost::json::value& got);

  const boost::json::object& object_;
  std::optional<ApiError> error_;
};

// "a string", "an array", ...
std::string_view kind_name(const boost::json::value& value);

}  // namespace holdfast
