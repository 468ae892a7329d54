// Bytes from a socket into one HTTP/1.1 request (RFC 9112). Knows nothing of sockets, so that tests
// and the fuzzer drive it directly. Beast's parser does the work, in this one .cpp file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "server/api_error.h"
#include "server/http_message.h"

namespace holdfast {

struct HttpLimits {
  uint32_t head_bytes = 16u << 10;  // request line and fields: 431 above
  uint64_t body_bytes = 16u << 20;  // 413 above
};

class HttpReader {
 public:
  explicit HttpReader(const HttpLimits& limits);
  ~HttpReader();

  // Takes what it can of `bytes` and returns how many; the rest must be offered again with more
  // behind it (or belongs to the next request, once done).
  size_t put(std::string_view bytes);

  bool started() const { return started_; }      // a first byte came
  bool head_done() const { return head_done_; }  // the fields are known, the body is not
  bool done() const { return done_; }
  // Wrong bytes: answer with it and close; where the next request would begin is unknown.
  const std::optional<ApiError>& error() const { return error_; }
  // The client waits for "100 Continue" before it sends the body.
  bool wants_continue() const { return head_done_ && !done_ && !error_ && expects_continue_; }
  // What is known of the request, once head_done().
  const HttpRequest& head() const { return request_; }
  // When done, or after the head for what is known by then.
  HttpRequest take();

 private:
  struct Parser;

  void read_head();
  void check_head();
  void fail(int status, std::string message, std::string code);

  std::unique_ptr<Parser> parser_;
  HttpLimits limits_;
  HttpRequest request_;
  size_t head_bytes_ = 0;
  std::optional<ApiError> error_;
  bool started_ = false, head_done_ = false, done_ = false, expects_continue_ = false;
};

// "%41" -> "A"; nothing for a bad escape or a decoded NUL.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace holdfast
