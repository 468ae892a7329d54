#include "server/http_reader.h"

#include <algorithm>
#include <cctype>

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

#include "server/openai_format.h"

namespace holdfast {

namespace http = boost::beast::http;

namespace {

// Bytes that may wait for the parser without being taken: a chunk's header line with extensions.
constexpr size_t kMaxLookahead = 32u << 10;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// An id that may go into a log and a response field as it is.
bool is_harmless_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

struct HttpReader::Parser {
  http::request_parser<http::string_body> beast;
};

HttpReader::HttpReader(const HttpLimits& limits)
    : parser_(std::make_unique<Parser>()), limits_(limits) {
  parser_->beast.header_limit(limits.head_bytes);
  parser_->beast.body_limit(limits.body_bytes);
}

HttpReader::~HttpReader() = default;

void HttpReader::fail(int status, std::string message, std::string code) {
  if (!error_) error_ = ApiError{status, std::move(message), std::move(code), {}, {}};
}

size_t HttpReader::put(std::string_view bytes) {
  size_t used = 0;
  // An empty line before a request is forgiven (RFC 9112, section 2.2).
  while (!started_ && used < bytes.size() && (bytes[used] == '\r' || bytes[used] == '\n')) ++used;
  auto& beast = parser_->beast;
  while (used < bytes.size() && !done_ && !error_) {
    if (!started_) request_.arrival = std::chrono::steady_clock::now();
    started_ = true;
    boost::beast::error_code ec;
    const std::string_view rest = bytes.substr(used);
    const size_t taken = beast.put(boost::asio::buffer(rest.data(), rest.size()), ec);
    used += taken;
    if (!head_done_) {
      // Beast's own limit holds for a head that comes in pieces, not for one that is there at once.
      head_bytes_ += taken;
      const size_t head = head_bytes_ + (beast.is_header_done() ? 0 : rest.size() - taken);
      if (head > limits_.head_bytes) ec = http::error::header_limit;
      if (beast.is_header_done()) {
        read_head();
        beast.eager(true);
      }
    }
    if (ec == http::error::need_more) {
      if (rest.size() - taken > kMaxLookahead)
        fail(400, "A chunk's header is too long", "bad_http");
      break;
    }
    if (ec == http::error::header_limit) {
      fail(431, fmt::format("The request's head passes {} bytes", limits_.head_bytes),
           "head_too_large");
    } else if (ec == http::error::body_limit) {
      fail(413, fmt::format("The request's body passes the limit of {} bytes", limits_.body_bytes),
           "body_too_large");
    } else if (ec == http::error::bad_version) {
      fail(505, "This server speaks HTTP/1.1", "bad_http");
    } else if (ec) {
      fail(400, fmt::format("The request is not valid HTTP/1.1: {}", ec.message()), "bad_http");
    } else if (beast.is_done()) {
      done_ = true;
    } else if (taken == 0) {
      break;
    }
  }
  return used;
}

void HttpReader::read_head() {
  head_done_ = true;
  const auto& head = parser_->beast.get();
  request_.method = std::string(head.method_string().data(), head.method_string().size());
  request_.http_1_0 = head.version() == 10;
  request_.keep_alive = head.keep_alive();
  for (const auto& field : head) {
    request_.fields.emplace_back(lower({field.name_string().data(), field.name_string().size()}),
                                 std::string(field.value().data(), field.value().size()));
  }
  std::string_view target{head.target().data(), head.target().size()};
  // A proxy's form, "http://host/path" (RFC 9112, section 3.2.2): the host is in a field as well.
  if (const size_t scheme = target.find("://");
      !target.starts_with('/') && scheme != std::string_view::npos) {
    const size_t path = target.find('/', scheme + 3);
    target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
  }
  const size_t question = target.find('?');
  if (question != std::string_view::npos) request_.query = target.substr(question + 1);
  const auto path = percent_decode(target.substr(0, question));
  if (!path || !path->starts_with('/')) {
    fail(400, "The request's target is not a path", "bad_http");
  } else {
    request_.path = *path;
  }
  const std::string_view id = request_.field("x-request-id");
  request_.id = is_harmless_id(id) ? std::string(id) : random_id("req_");
  expects_continue_ = lower(request_.field("expect")) == "100-continue";
  check_head();
}

// What Beast lets pass and we do not: forms whose meaning two servers could see differently.
void HttpReader::check_head() {
  const auto& head = parser_->beast.get();
  if (head.version() != 10 && head.version() != 11) {
    fail(505, "This server speaks HTTP/1.1", "bad_http");
  }
  size_t hosts = 0, lengths = 0, encodings = 0;
  for (const auto& [name, value] : request_.fields) {
    hosts += name == "host";
    lengths += name == "content-length";
    encodings += name == "transfer-encoding";
  }
  if (hosts > 1 || (hosts == 0 && !request_.http_1_0)) {
    fail(400, "A request must have exactly one Host field", "bad_http");
  }
  if (lengths > 1 || encodings > 1 || (lengths > 0 && encodings > 0) ||
      (encodings > 0 && request_.http_1_0)) {
    fail(400, "The request's length is given twice", "bad_http");
  }
  if (encodings > 0 && lower(request_.field("transfer-encoding")) != "chunked") {
    fail(501, "The only transfer encoding this server takes is 'chunked'", "bad_http");
  }
  if (!request_.field("content-encoding").empty() &&
      lower(request_.field("content-encoding")) != "identity") {
    fail(415, "Compressed bodies are not supported", "unsupported_media_type");
  }
  if (!request_.field("expect").empty() && !expects_continue_) {
    fail(417, "The only expectation this server meets is '100-continue'", "bad_http");
  }
}

HttpRequest HttpReader::take() {
  if (done_) request_.body = std::move(parser_->beast.get().body());
  return std::move(request_);
}

}  // namespace holdfast
