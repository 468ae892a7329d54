// A receipt: the name of one request in the log. "hfr_" and 26 characters of Crockford's base 32:
// 48 bits of milliseconds since 1970, then 80 random bits (a ULID). The time narrows where to look.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::audit {

std::string new_receipt();
// When it was made, in microseconds since 1970; nothing when it is no receipt.
std::optional<uint64_t> receipt_time(std::string_view receipt);

}  // namespace holdfast::audit
