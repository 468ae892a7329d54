// A request and a response as the routes see them: no sockets, no parser.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast {

using HttpFields = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;  // as sent: "GET"
  std::string path;    // percent-decoded, without the query: "/v1/models"
  std::string query;   // after '?', as sent
  HttpFields fields;   // names in lower case, in the order sent; trailers are not among them
  std::string body;
  std::chrono::steady_clock::time_point arrival;  // of its first byte
  std::string id;  // the request's id: the client's x-request-id when it is harmless, else ours
  bool http_1_0 = false;
  bool keep_alive = true;

  // The first field of that (lower-case) name; empty when there is none.
  std::string_view field(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  HttpFields fields;  // besides content-type, content-length, connection and x-request-id
  std::string body;
};

// "Not Found" for 404.
std::string_view reason_phrase(int status);

}  // namespace holdfast
