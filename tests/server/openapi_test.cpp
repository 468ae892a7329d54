#include "server/openapi.h"

#include <set>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include "server/router.h"

namespace holdfast {
namespace {

namespace json = boost::json;

// Every "$ref" in `value`, by its last name.
void collect(const json::value& value, std::set<std::string>& names) {
  if (const json::object* object = value.if_object()) {
    for (const auto& [name, member] : *object) {
      if (name == "$ref") {
        const std::string target = member.get_string().c_str();
        names.insert(target.substr(target.rfind('/') + 1));
      } else {
        collect(member, names);
      }
    }
  } else if (const json::array* array = value.if_array()) {
    for (const json::value& member : *array) collect(member, names);
  }
}

TEST(OpenApi, DescribesEveryRoute) {
  const json::value document = json::parse(openapi_document());
  EXPECT_EQ(document.at("openapi"), "3.1.0");
  const json::object& paths = document.at("paths").as_object();
  size_t operations = 0;
  for (const auto& [path, methods] : paths) operations += methods.as_object().size();
  EXPECT_EQ(operations, routes().size());
  std::set<std::string> ids;
  for (const auto& [path, methods] : paths) {
    for (const auto& [method, operation] : methods.as_object()) {
      EXPECT_TRUE(ids.insert(operation.at("operationId").as_string().c_str()).second) << path;
    }
  }
}

TEST(OpenApi, EverySchemaIsThereAndUsed) {
  const json::value document = json::parse(openapi_document());
  std::set<std::string> wanted, known;
  collect(document, wanted);
  for (const auto& [name, schema] : document.at("components").at("schemas").as_object()) {
    known.insert(std::string(name));
  }
  EXPECT_EQ(wanted, known);
}

TEST(OpenApi, ThePageNeedsNothingFromElsewhere) {
  const std::string page = openapi_page();
  for (const char* part : {"<script", "src=", "http://", "https://", "@import", "url("}) {
    EXPECT_EQ(page.find(part), std::string::npos) << part;
  }
  for (const Route& route : routes()) {
    EXPECT_NE(page.find(route.summary), std::string::npos) << route.pattern;
  }
}

RouteMatch match(std::string method, std::string path) {
  HttpRequest request;
  request.method = std::move(method);
  request.path = std::move(path);
  return match_route(request);
}

TEST(Router, OneSegmentOrMany) {
  EXPECT_EQ(match("GET", "/v1/models/a/b/c").rest, "a/b/c");
  EXPECT_EQ(match("HEAD", "/v1/models/a").rest, "a");
  EXPECT_EQ(match("GET", "/v1/models/").error.status, 404);
  EXPECT_EQ(match("POST", "/health/live").error.status, 405);
}

}  // namespace
}  // namespace holdfast
