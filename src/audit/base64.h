// Base64 (RFC 4648, section 4), with padding.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace holdfast::audit {

std::string to_base64(std::span<const uint8_t> bytes);
// Nothing for anything but the one canonical spelling.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace holdfast::audit
