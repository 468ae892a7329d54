#include "server/embedding_request.h"

#include <algorithm>

#include <boost/json/value.hpp>
#include <fmt/format.h>

namespace holdfast {

namespace json = boost::json;

namespace {

constexpr size_t kMostInputs = 2048;  // OpenAI's own limit
constexpr size_t kMostDocuments = 1024;
constexpr int32_t kMostDimensions = 1 << 16;

std::string read_required(RequestFields& fields, std::string_view name) {
  auto text = fields.string(name);
  if (!text || text->empty()) {
    fields.fail(name, fmt::format("'{}' is missing", name), "missing_required_parameter");
  }
  return text.value_or("");
}

// Strings, or objects with a "text".
std::vector<std::string> read_documents(RequestFields& fields) {
  const json::value* value = fields.find("documents");
  const json::array* array = value ? value->if_array() : nullptr;
  if (!array || array->empty() || array->size() > kMostDocuments) {
    fields.fail("documents",
                fmt::format("'documents' must be an array of 1 to {} texts", kMostDocuments),
                value && array ? "invalid_value" : "invalid_type");
    return {};
  }
  std::vector<std::string> out;
  for (size_t i = 0; i < array->size(); ++i) {
    const json::value* text = &(*array)[i];
    if (const json::object* object = text->if_object()) text = object->if_contains("text");
    if (!text || !text->is_string()) {
      const std::string at = fmt::format("documents[{}]", i);
      fields.fail(at, fmt::format("'{}' must be a string or an object with a 'text'", at),
                  "invalid_type");
      return {};
    }
    out.emplace_back(text->get_string().data(), text->get_string().size());
  }
  return out;
}

}  // namespace

ApiResult<EmbeddingRequest> parse_embedding_request(std::string_view body) {
  auto parsed = parse_json_object(body);
  if (!parsed) return tl::unexpected(std::move(parsed).error());
  RequestFields fields(parsed->get_object());
  EmbeddingRequest request;
  request.model = read_required(fields, "model");
  request.inputs = read_text_inputs(fields, "input", kMostInputs);
  const std::string format = fields.string("encoding_format").value_or("float");
  request.base64 = format == "base64";
  if (!request.base64 && format != "float") {
    fields.fail("encoding_format", "'encoding_format' must be 'float' or 'base64'",
                "invalid_value");
  }
  if (const auto dimensions = fields.integer("dimensions", 1, kMostDimensions)) {
    request.dimensions = static_cast<int32_t>(*dimensions);
  }
  request.truncate = fields.boolean("truncate").value_or(false);
  if (fields.error()) return tl::unexpected(*fields.error());
  return request;
}

ApiResult<RerankRequest> parse_rerank_request(std::string_view body) {
  auto parsed = parse_json_object(body);
  if (!parsed) return tl::unexpected(std::move(parsed).error());
  RequestFields fields(parsed->get_object());
  RerankRequest request;
  request.model = read_required(fields, "model");
  request.query = read_required(fields, "query");
  request.documents = read_documents(fields);
  const auto top_n = fields.integer("top_n", 1);
  request.top_n = request.documents.size();
  if (top_n) request.top_n = std::min(request.top_n, static_cast<size_t>(*top_n));
  request.return_documents = fields.boolean("return_documents").value_or(false);
  if (fields.error()) return tl::unexpected(*fields.error());
  return request;
}

}  // namespace holdfast
