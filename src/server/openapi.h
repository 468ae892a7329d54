// The API described, from the one table of routes: as an OpenAPI 3.1 document, as a page and as
// rows for docs/api.md. Schemas come from openapi/schemas.json, which is built in.
#pragma once

#include <string>
#include <string_view>

namespace holdfast {

// The schemas' file: one JSON object, a JSON Schema (2020-12) by name.
std::string_view openapi_schemas();

// JSON, on one line.
std::string openapi_document();
// HTML without scripts, and without anything from elsewhere.
std::string openapi_page();
// Rows of a Markdown table: route, permission, whether it counts against quotas, what it does.
std::string openapi_rows();

}  // namespace holdfast
