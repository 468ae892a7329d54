#include <cerrno>
#include <cstring>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "audit/clock.h"
#include "audit/sink.h"
#include "base/base64.h"

namespace holdfast::audit {

namespace {

constexpr int kPriority = 13 * 8 + 6;  // facility "log audit", severity "informational"
constexpr size_t kMaxMessage = 32u << 10;

// The body without its payload, which may be large and is not for a general log.
std::string without_payload(std::string_view body) {
  boost::system::error_code ec;
  boost::json::value value = boost::json::parse({body.data(), body.size()}, ec);
  if (!ec && value.is_object() && value.as_object().erase("payload") > 0) {
    return boost::json::serialize(value);
  }
  return std::string(body);
}

class Syslog final : public Sink {
 public:
  explicit Syslog(std::string path) : path_(std::move(path)) {
    char name[256] = "-";
    if (gethostname(name, sizeof(name) - 1) == 0 && name[0] != '\0') host_ = name;
  }
  ~Syslog() override { disconnect(); }

  std::string name() const override { return "syslog " + path_; }

  Status connect() {
    disconnect();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof(address.sun_path)) {
      return fail(Code::kInvalidArgument, "the path of a Unix socket cannot be so long", path_);
    }
    std::memcpy(address.sun_path, path_.data(), path_.size());
    int error = 0;
    for (const int type : {SOCK_DGRAM, SOCK_STREAM}) {
      fd_ = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
      if (fd_ >= 0 &&
          ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
        stream_ = type == SOCK_STREAM;
        // A daemon that does not read must not hold the server up for longer.
        const timeval patience{5, 0};
        setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        return {};
      }
      error = errno;
      disconnect();
      if (error != EPROTOTYPE) break;
    }
    return fail(Code::kUnavailable, fmt::format("syslog does not listen: {}", std::strerror(error)),
                path_);
  }

  Status write(const LogId& log_id, std::span<const Record> records,
               const Checkpoint& checkpoint) override {
    const std::string log = to_hex(log_id);
    for (const Record& record : records) {
      RETURN_IF_ERROR(send(message("record", record.time,
                                   fmt::format("log=\"{}\" record=\"{}\" hash=\"{}\"", log,
                                               record.number, to_hex(record.hash)),
                                   without_payload(record.body))));
    }
    return send(message("checkpoint", checkpoint.time,
                        fmt::format("log=\"{}\" size=\"{}\" root=\"{}\"", log, checkpoint.size,
                                    to_base64(checkpoint.root)),
                        to_base64(checkpoint.signature)));
  }

 private:
  std::string message(std::string_view kind, uint64_t time, std::string_view data,
                      std::string text) const {
    if (text.size() > kMaxMessage) text.resize(kMaxMessage);
    return fmt::format("<{}>1 {} {} holdfast {} {} [audit@32473 {}] {}", kPriority,
                       format_time(time), host_, getpid(), kind, data, text);
  }

  Status send(const std::string& text) {
    const std::string frame = stream_ ? fmt::format("{} {}", text.size(), text) : text;
    for (int attempt = 0;; ++attempt) {
      if (fd_ < 0) RETURN_IF_ERROR(connect());
      std::string_view rest = frame;
      while (!rest.empty()) {
        const ssize_t put = ::send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) break;
        rest.remove_prefix(static_cast<size_t>(put));
      }
      if (rest.empty()) return {};
      const int error = errno;
      disconnect();
      if (attempt > 0) {
        return fail(Code::kUnavailable,
                    fmt::format("syslog takes no message: {}", std::strerror(error)), path_);
      }
    }
  }

  void disconnect() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  std::string path_, host_ = "-";
  int fd_ = -1;
  bool stream_ = false;
};

}  // namespace

Result<std::unique_ptr<Sink>> open_syslog(const std::string& path) {
  auto sink = std::make_unique<Syslog>(path);
  RETURN_IF_ERROR(sink->connect());
  return sink;
}

}  // namespace holdfast::audit
