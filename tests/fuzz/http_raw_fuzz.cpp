// HTTP/1.1 from a socket: the first byte says in what pieces the rest arrives. Cut into pieces or
// whole, the same requests come out before the bytes end or are refused.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "server/http_reader.h"
#include "server/loopback_guard.h"
#include "server/router.h"

namespace holdfast {
namespace {

// What a connection would do: one reader for each request, until bytes are wrong or run out.
std::vector<std::string> read_all(std::string_view bytes, size_t step) {
  constexpr HttpLimits kLimits{.head_bytes = 1024, .body_bytes = 2048};
  std::vector<std::string> out;
  std::string waiting;
  std::optional<HttpReader> reader(std::in_place, kLimits);
  const auto read_waiting = [&] {
    const size_t used = reader->put(waiting);
    CHECK(used <= waiting.size());
    waiting.erase(0, used);
  };
  while (!bytes.empty()) {
    waiting += bytes.substr(0, step);
    bytes.remove_prefix(std::min(step, bytes.size()));
    read_waiting();
    while (reader->done() && !reader->error()) {
      HttpRequest request = reader->take();
      CHECK(!request.path.empty() && request.path.front() == '/');
      CHECK(request.body.size() <= kLimits.body_bytes);
      match_route(request);
      check_loopback_origin(request);
      out.push_back(request.method + " " + request.path + "?" + request.query + "\n" +
                    request.body);
      reader.emplace(kLimits);
      if (waiting.empty()) break;
      read_waiting();
    }
    if (reader->error()) {
      CHECK(reader->error()->status >= 400);
      return out;
    }
  }
  return out;
}

}  // namespace
}  // namespace holdfast

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = holdfast::read_all(bytes, bytes.size() + 1);
  const auto pieces = holdfast::read_all(bytes, size_t{data[0]} + 1);
  CHECK(whole == pieces) << whole.size() << " requests whole, " << pieces.size() << " in pieces";
  return 0;
}
