#include "base/log_format.h"

#include <atomic>
#include <chrono>
#include <ctime>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <spdlog/formatter.h>

namespace holdfast {

namespace {

std::atomic<LogFormat> current{LogFormat::kText};
constexpr char kMembers = '\x1e';  // in front of a message that holds an object's members already

void append_json(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& to) override {
    using std::chrono::milliseconds;
    const auto since = message.time.time_since_epoch();
    const std::time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(since).count();
    const auto fraction = std::chrono::duration_cast<milliseconds>(since).count() % 1000;
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    char time[32];
    const size_t length = std::strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%S", &utc);
    const auto level = spdlog::level::to_string_view(message.level);
    std::string out =
        fmt::format("{{\"time\":\"{}.{:03}Z\",\"level\":\"{}\",", std::string_view(time, length),
                    fraction, std::string_view(level.data(), level.size()));
    const std::string_view payload(message.payload.data(), message.payload.size());
    if (payload.starts_with(kMembers)) {
      out += payload.substr(1);
    } else {
      out += "\"message\":";
      append_json(payload, out);
    }
    out += "}\n";
    to.append(out.data(), out.data() + out.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }
};

}  // namespace

void set_log_format(LogFormat format) {
  current = format;
  if (format == LogFormat::kJson) spdlog::set_formatter(std::make_unique<JsonFormatter>());
}

void log_event(std::string_view name, std::string_view text, const std::vector<LogField>& fields) {
  if (current == LogFormat::kText) return spdlog::info("{}", text);
  std::string members(1, kMembers);
  members += "\"message\":";
  append_json(name, members);
  for (const LogField& field : fields) {
    members += ',';
    append_json(field.name, members);
    members += ':';
    if (const auto* words = std::get_if<std::string_view>(&field.value)) {
      append_json(*words, members);
    } else {
      members += std::to_string(std::get<int64_t>(field.value));
    }
  }
  spdlog::info("{}", members);
}

}  // namespace holdfast
