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
  std::string_view rest;  // what the pattern's last "{...}" took
  const Caller& caller;
};

// Of routes that answer anybody: liveness, and nothing else.
inline constexpr std::string_view kPublic = "public";

struct Route {
  std::string_view method;
  // "/v1/models/{id}": a last "{...}" takes the rest of the path, which may hold slashes.
  std::string_view pattern;
  // What a caller needs (access/permission.h). Empty: nobody gets in.
  std::string_view permission;
  Reply (*handle)(const Call& call);
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
  std::string rest;  // what the pattern's last "{...}" took
  ApiError error;    // when route is null
};
RouteMatch match_route(const HttpRequest& request);

}  // namespace holdfast
