#include <algorithm>
#include <array>
#include <set>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "server/batch_runner.h"
#include "server/request_fields.h"

namespace holdfast {

namespace json = boost::json;

namespace {

constexpr size_t kMaxLines = 50'000, kMaxId = 512;

tl::unexpected<ApiError> wrong(size_t line, std::string_view why) {
  return api_fail(400, fmt::format("Line {} of the input file: {}", line, why),
                  "invalid_batch_line", "input_file_id");
}

}  // namespace

bool is_batch_endpoint(std::string_view endpoint) {
  constexpr std::array<std::string_view, 4> kEndpoints{"/v1/chat/completions", "/v1/completions",
                                                       "/v1/messages", "/v1/responses"};
  return std::find(kEndpoints.begin(), kEndpoints.end(), endpoint) != kEndpoints.end();
}

ApiResult<std::vector<BatchLine>> parse_batch_input(std::string_view text,
                                                    std::string_view endpoint) {
  std::vector<BatchLine> lines;
  std::set<std::string, std::less<>> ids;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (lines.size() == kMaxLines) return wrong(number, "there are over 50000 requests");
    const auto parsed = parse_json_object(line);
    if (!parsed) return wrong(number, parsed.error().message);
    RequestFields fields(parsed->get_object());
    const auto id = fields.string("custom_id"), method = fields.string("method"),
               url = fields.string("url");
    const json::object* body = fields.object("body");
    if (fields.error()) return wrong(number, fields.error()->message);
    if (!id || id->empty() || id->size() > kMaxId) return wrong(number, "it needs a 'custom_id'");
    if (!body) return wrong(number, "it needs a 'body'");
    if (method.value_or("POST") != "POST") return wrong(number, "'method' must be POST");
    if (url.value_or(std::string(endpoint)) != endpoint) {
      return wrong(number, fmt::format("'url' must be the batch's endpoint, {}", endpoint));
    }
    if (!ids.insert(*id).second) return wrong(number, "another line has this 'custom_id'");
    lines.push_back({*id, json::serialize(*body)});
  }
  if (lines.empty()) return wrong(1, "there is no request");
  return lines;
}

}  // namespace holdfast
