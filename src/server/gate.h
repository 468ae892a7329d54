// The one place every request passes: from what it shows of its sender to an identity, from the
// route's permission to a yes or no. Whatever is not let through here reaches no handler.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "access/access_control.h"
#include "server/api_error.h"
#include "server/cors.h"
#include "server/router.h"
#include "server/trace_context.h"

namespace holdfast {

// How clients reach the server.
enum class Transport {
  kLoopback,  // plain HTTP to this machine
  kUnix,      // plain HTTP on a Unix socket
  kTls,
};

// What the connection knows of its other end.
struct Peer {
  Transport transport = Transport::kLoopback;
  std::string address;              // for limits and the record; "unix" on a Unix socket
  std::string certificate_subject;  // of a verified client certificate
};

struct Passage {
  RouteMatch match;
  std::shared_ptr<const Caller> caller;  // set unless refused
  std::optional<ApiError> refusal;
  ErrorForm errors = ErrorForm::kOpenAi;  // what the route's clients expect
  std::optional<HttpResponse> answer;     // the gate's own, to a browser's question
  HttpFields fields;                      // further ones of the response, whatever it is
  std::optional<TraceContext> trace;      // the caller's, continued
};

// Decides from a request's head alone, so that strangers' bodies are never read. `access` is null
// on a server that has one user, who is whoever reaches it. `origins`: whose pages may come.
Passage pass_gate(const HttpRequest& head, const Peer& peer, AccessControl* access,
                  Origins origins = {});

// What is left of the caller's limits, as OpenAI's x-ratelimit-... fields; none without limits.
HttpFields rate_limit_fields(AccessControl& access, const Caller& caller);

// A quota is used up: 429 with Retry-After.
ApiError quota_error(const QuotaRefusal& refusal);

}  // namespace holdfast
