#include "files/describe.h"

#include <fmt/format.h>

namespace holdfast {

std::string printable(std::string_view text) {
  constexpr std::size_t kMost = 96;
  std::string out;
  for (const char c : text.substr(0, kMost)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\'') {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", byte);
    }
  }
  if (text.size() > kMost) out += "...";
  return out;
}

std::string shape_text(const Shape& shape) {
  std::string out = "[";
  for (int i = 0; i < shape.rank; ++i) {
    if (i > 0) out += ", ";
    out += std::to_string(shape[i]);
  }
  return out + "]";
}

std::string at_byte(std::string_view file, uint64_t offset) {
  return fmt::format("{}, byte {}", file, offset);
}

std::string computed_types() {
  std::string out;
  for (uint32_t id = 0; id < 64; ++id) {
    const DTypeInfo* info = find_dtype(id);
    if (info == nullptr || !info->computed) continue;
    if (!out.empty()) out += ", ";
    out += info->name;
  }
  return out + ", f8_e4m3";
}

}  // namespace holdfast
