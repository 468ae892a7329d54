// Base64 (RFC 4648): with padding (section 4), and for URLs without (section 5).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace holdfast {

std::string to_base64(std::span<const uint8_t> bytes);
// Nothing for anything but the one canonical spelling.
std::optional<std::string> from_base64(std::string_view text);

std::string to_base64url(std::string_view bytes);
// As strict: nothing for padding, other characters, an impossible length, or bits left over that
// are not zero.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace holdfast
