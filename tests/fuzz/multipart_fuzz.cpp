// A form from the wire: the first line is its content-type, the rest its body.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "server/multipart.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t line = text.find('\n');
  if (line == std::string_view::npos) return 0;
  const std::string_view body = text.substr(line + 1);
  if (const auto parts = holdfast::parse_multipart(text.substr(0, line), body)) {
    for (const auto& part : *parts) {
      CHECK(part.data.data() >= body.data() &&
            part.data.data() + part.data.size() <= body.data() + body.size())
          << "a part outside its form";
    }
  }
  return 0;
}
