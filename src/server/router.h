// One table of routes.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "access/caller.h"
#include "server/app.h"
#include "server/http_message.h"
#include "server/reply.h"

namespace holdfast {

// One request on its way to a handler.
struct Call {
  App& app;
  const HttpRequest& request;
  std::string_view rest;  // what the pattern's "{...}" took
  const Caller& caller;
};

// Of routes that answer anybody: liveness, and nothing else.
inline constexpr std::string_view kPublic = "public";

struct Route {
  std::string_view method;
  // "/v1/files/{id}/content": "{...}" takes one segment of the path, "{...*}" as many as there are.
  // One in a pattern.
  std::string_view pattern;
  // What a caller needs (access/permission.h). Empty: nobody gets in.
  std::string_view permission;
  Reply (*handle)(const Call& call);
  // For people and for the OpenAPI document (openapi.h): what it does, in one line, and the names
  // of schemas of openapi/schemas.json. Empty: no body, or a body that is not JSON.
  std::string_view summary;
  std::string_view takes = {}, gives = {};
  std::string_view events = {};  // of each event, when the request may ask for a stream
  std::string_view takes_type = "application/json", gives_type = "application/json";
  ErrorForm errors = ErrorForm::kOpenAi;
  // Parses a body, renders and tokenizes: runs off the I/O threads.
  bool blocking = false;
  // Counts against quotas.
  bool metered = false;
};

// Every route of the server.
std::span<const Route> routes();

// What a request is for: a route, or the error that says why none (404, 405 with Allow).
struct RouteMatch {
  const Route* route = nullptr;
  std::string rest;  // what the pattern's "{...}" took
  ApiError error;    // when route is null
};
RouteMatch match_route(const HttpRequest& request);

}  // namespace holdfast
