#include "text/utf8_stream.h"

#include "text/unicode.h"

namespace holdfast {

std::string Utf8Stream::push(std::string_view bytes) {
  std::string joined;
  if (!held_.empty()) {
    joined = std::move(held_);
    held_.clear();
    joined += bytes;
    bytes = joined;
  }
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const Utf8Step step = utf8_step(bytes);
    if (step.cut) {
      held_ = bytes;
      break;
    }
    if (step.valid) {
      out += bytes.substr(0, step.bytes);
    } else {
      append_utf8(out, step.code);
    }
    bytes.remove_prefix(step.bytes);
  }
  return out;
}

std::string Utf8Stream::finish() {
  if (held_.empty()) return {};
  held_.clear();
  return "\xEF\xBF\xBD";
}

}  // namespace holdfast
