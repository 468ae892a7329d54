#include "server/openapi.h"

#include <algorithm>
#include <cctype>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "base/check.h"
#include "files/json_writer.h"
#include "server/handlers.h"
#include "server/router.h"

namespace holdfast {

namespace json = boost::json;

namespace {

// "/v1/models/{id*}" as OpenAPI writes it.
std::string path_of(const Route& route) {
  std::string path(route.pattern);
  std::erase(path, '*');
  return path;
}

// The name between the braces; empty: none.
std::string parameter_of(const Route& route) {
  const std::string path = path_of(route);
  const size_t open = path.find('{');
  return open == std::string::npos ? "" : path.substr(open + 1, path.find('}') - open - 1);
}

// "post_v1_chat_completions": a name that client generators make methods of.
std::string operation_of(const Route& route) {
  std::string out;
  for (const char c : fmt::format("{}{}", route.method, path_of(route))) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) {
      out += static_cast<char>(std::tolower(byte));
    } else if (!out.empty() && out.back() != '_') {
      out += '_';
    }
  }
  if (out.back() == '_') out.pop_back();
  return out;
}

// What stands first behind "/v1", or the name of the route itself.
std::string family_of(const Route& route) {
  std::string_view path = route.pattern.substr(1);
  if (path.starts_with("v1/")) path.remove_prefix(3);
  return std::string(path.substr(0, path.find('/')));
}

void write_reference(JsonWriter& w, std::string_view schema) {
  w.begin_object();
  if (!schema.empty()) w.field("$ref", fmt::format("#/components/schemas/{}", schema));
  w.end_object();
}

void write_content(JsonWriter& w, std::string_view type, std::string_view schema) {
  w.key(type).begin_object().key("schema");
  write_reference(w, schema);
  w.end_object();
}

void write_response(JsonWriter& w, std::string_view status, std::string_view what,
                    std::string_view schema) {
  w.key(status).begin_object().field("description", what);
  w.key("content").begin_object();
  write_content(w, "application/json", schema);
  w.end_object().end_object();
}

void write_operation(JsonWriter& w, const Route& route) {
  std::string method(route.method);
  std::transform(method.begin(), method.end(), method.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  w.key(method).begin_object();
  w.field("operationId", operation_of(route)).field("summary", route.summary);
  w.key("tags").begin_array().value(family_of(route)).end_array();
  const bool open = route.permission == kPublic;
  w.field("description", open ? std::string("For everybody.")
                              : fmt::format("Needs the permission `{}`.{}", route.permission,
                                            route.metered ? " Counts against quotas." : ""));
  w.key("security").begin_array();
  if (!open) {
    for (const char* scheme : {"bearer", "x_api_key"}) {
      w.begin_object().key(scheme).begin_array().end_array().end_object();
    }
  }
  w.end_array();
  if (const std::string parameter = parameter_of(route); !parameter.empty()) {
    w.key("parameters").begin_array().begin_object().field("name", parameter).field("in", "path");
    w.field("required", true).key("schema").begin_object().field("type", "string").end_object();
    w.end_object().end_array();
  }
  if (!route.takes.empty()) {
    w.key("requestBody").begin_object().field("required", true).key("content").begin_object();
    write_content(w, route.takes_type, route.takes);
    w.end_object().end_object();
  }
  w.key("responses").begin_object();
  w.key("200").begin_object().field("description", "The answer").key("content").begin_object();
  write_content(w, route.gives_type, route.gives);
  if (!route.events.empty()) write_content(w, "text/event-stream", route.events);
  w.end_object().end_object();
  const bool anthropic = route.errors == ErrorForm::kAnthropic;
  if (open) {
    write_response(w, "503", "Not ready", route.gives);
  } else {
    write_response(w, "default", "An error", anthropic ? "AnthropicError" : "Error");
  }
  w.end_object().end_object();
}

void escape_html(std::string_view text, std::string& out) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  }
}

std::string html(std::string_view text) {
  std::string out;
  escape_html(text, out);
  return out;
}

// Two spaces a level, as people read it.
void print_json(const json::value& value, size_t depth, std::string& out) {
  const auto line = [&](size_t levels) { out.append(1, '\n').append(2 * levels, ' '); };
  if (const json::object* object = value.if_object(); object && !object->empty()) {
    out += '{';
    for (bool first = true; const auto& [name, member] : *object) {
      out += first ? "" : ",";
      first = false;
      line(depth + 1);
      out += json::serialize(json::value(name)) + ": ";
      print_json(member, depth + 1, out);
    }
    line(depth);
    out += '}';
  } else {
    out += json::serialize(value);
  }
}

constexpr std::string_view kStyle =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1b1f24;background:#fff}code,pre{font:13px/1.4 ui-monospace,monospace}"
    "h2{font-size:1.1rem;margin:2rem 0 .2rem}h2 code{font-size:1.05rem}"
    ".m{display:inline-block;min-width:4.2rem;font-weight:600;color:#0b5cad}"
    "p{margin:.2rem 0}.k{color:#59636e}details{margin:.4rem 0}"
    "pre{background:#f4f6f8;padding:.7rem;overflow:auto;border-radius:4px}"
    "@media(prefers-color-scheme:dark){body{color:#e6e8ea;background:#15181c}"
    "pre{background:#20252b}.m{color:#6cb2ff}.k{color:#9aa4ae}}";

void show_schema(const json::object& schemas, std::string_view what, std::string_view name,
                 std::string& out) {
  if (name.empty()) return;
  std::string text;
  print_json(schemas.at(name), 0, text);
  out += fmt::format("<details><summary>{}: <code>{}</code></summary><pre>{}</pre></details>\n",
                     what, name, html(text));
}

}  // namespace

std::string openapi_document() {
  JsonWriter w(JsonWriter::kCompact);
  w.begin_object().field("openapi", "3.1.0");
  w.key("info").begin_object().field("title", "Holdfast").field("version", HOLDFAST_VERSION);
  w.key("license").begin_object().field("name", "Apache-2.0").end_object().end_object();
  w.key("paths").begin_object();
  const std::span<const Route> all = routes();
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string path = path_of(all[i]);
    const auto same = [&](const Route& other) { return path_of(other) == path; };
    if (std::any_of(all.begin(), all.begin() + static_cast<ptrdiff_t>(i), same)) continue;
    w.key(path).begin_object();
    for (const Route& route : all) {
      if (same(route)) write_operation(w, route);
    }
    w.end_object();
  }
  w.end_object().key("components").begin_object().key("schemas").raw(openapi_schemas());
  w.key("securitySchemes").begin_object();
  w.key("bearer").begin_object().field("type", "http").field("scheme", "bearer").end_object();
  w.key("x_api_key").begin_object().field("type", "apiKey").field("in", "header");
  w.field("name", "x-api-key").end_object().end_object();
  w.end_object().end_object();
  return w.take();
}

std::string openapi_page() {
  json::error_code ec;
  const json::value parsed = json::parse(openapi_schemas(), ec);
  CHECK(!ec) << "openapi/schemas.json";
  const json::object& schemas = parsed.get_object();
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><title>Holdfast API</title>"
      "<style>{}</style></head><body>\n<h1>Holdfast API</h1>\n<p>Version {}. The same as a "
      "document: <a href=\"openapi.json\">openapi.json</a>.</p>\n",
      kStyle, HOLDFAST_VERSION);
  for (const Route& route : routes()) {
    out += fmt::format("<h2><span class=\"m\">{}</span><code>{}</code></h2>\n<p>{}.</p>\n",
                       route.method, html(path_of(route)), html(route.summary));
    out += fmt::format("<p class=\"k\">{}{}</p>\n",
                       route.permission == kPublic
                           ? "For everybody."
                           : fmt::format("Permission <code>{}</code>.", route.permission),
                       route.metered ? " Counts against quotas." : "");
    show_schema(schemas, "takes", route.takes, out);
    show_schema(schemas, "gives", route.gives, out);
    if (route.events != route.gives) show_schema(schemas, "each event", route.events, out);
  }
  return out + "</body></html>\n";
}

std::string openapi_rows() {
  std::string out;
  for (const Route& route : routes()) {
    out += fmt::format("| `{} {}` | {} | {} | {} |\n", route.method, path_of(route),
                       route.permission == kPublic ? "-" : fmt::format("`{}`", route.permission),
                       route.metered ? "yes" : "", route.summary);
  }
  return out;
}

Reply handle_openapi(const Call&) { return HttpResponse{.body = openapi_document()}; }

Reply handle_docs(const Call&) {
  HttpResponse response{.content_type = "text/html; charset=utf-8", .body = openapi_page()};
  response.fields = {
      {"content-security-policy",
       "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"},
      {"x-content-type-options", "nosniff"}};
  return response;
}

}  // namespace holdfast
