#include "audit/receipt.h"

#include "audit/clock.h"
#include "base/crypto.h"

namespace holdfast::audit {

namespace {

constexpr std::string_view kPrefix("hfr_");
constexpr std::string_view kDigits("0123456789abcdefghjkmnpqrstvwxyz");
constexpr size_t kTimeDigits = 10, kRandomDigits = 16;

}  // namespace

std::string new_receipt() {
  const std::string random = random_bytes(kRandomDigits);
  const uint64_t ms = now_us() / 1000;
  std::string out(kPrefix);
  for (size_t i = kTimeDigits; i-- > 0;) out += kDigits[ms >> (5 * i) & 31];
  for (const char byte : random) out += kDigits[static_cast<unsigned char>(byte) & 31];
  return out;
}

std::optional<uint64_t> receipt_time(std::string_view receipt) {
  if (receipt.size() != kPrefix.size() + kTimeDigits + kRandomDigits ||
      !receipt.starts_with(kPrefix)) {
    return std::nullopt;
  }
  receipt.remove_prefix(kPrefix.size());
  uint64_t ms = 0;
  for (size_t i = 0; i < receipt.size(); ++i) {
    const size_t digit = kDigits.find(receipt[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    if (i < kTimeDigits) ms = ms << 5 | digit;
  }
  return (ms & 0xffff'ffff'ffff) * 1000;
}

}  // namespace holdfast::audit
