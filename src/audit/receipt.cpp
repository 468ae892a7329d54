#include "audit/receipt.h"

#include <array>

#include <openssl/rand.h>

#include "audit/clock.h"
#include "base/check.h"

namespace holdfast::audit {

namespace {

constexpr std::string_view kPrefix("hfr_");
constexpr std::string_view kDigits("0123456789abcdefghjkmnpqrstvwxyz");
constexpr size_t kTimeDigits = 10, kRandomDigits = 16;

}  // namespace

std::string new_receipt() {
  std::array<unsigned char, kRandomDigits> random;
  CHECK(RAND_bytes(random.data(), static_cast<int>(random.size())) == 1) << "no random numbers";
  const uint64_t ms = now_us() / 1000;
  std::string out(kPrefix);
  for (size_t i = kTimeDigits; i-- > 0;) out += kDigits[ms >> (5 * i) & 31];
  for (const unsigned char byte : random) out += kDigits[byte & 31];
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
