#include "seal/derive.h"

#include <algorithm>

#include <argon2.h>

#include "base/check.h"
#include "base/digest.h"

namespace holdfast::seal {
namespace {

std::string_view text(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Secret hkdf(std::span<const uint8_t> key, std::span<const uint8_t> salt,
            std::span<const uint8_t> info) {
  Digest extracted = HmacSha256(salt).update(text(key)).finish();
  // One block of output is all that is asked for: T(1) = HMAC(PRK, info || 0x01).
  Digest expanded = HmacSha256(extracted).update(text(info)).update("\x01").finish();
  Secret out = Secret::copy(expanded);
  wipe(std::as_writable_bytes(std::span(extracted)));
  wipe(std::as_writable_bytes(std::span(expanded)));
  return out;
}

bool sane(const Argon2Cost& cost) {
  return cost.passes >= 1 && cost.passes <= 64 && cost.lanes >= 1 && cost.lanes <= 64 &&
         cost.memory_kib >= 8 * cost.lanes && cost.memory_kib >= 64 &&
         cost.memory_kib <= (4u << 20);
}

Result<Secret> argon2id(std::span<const uint8_t> passphrase, std::span<const uint8_t> salt,
                        const Argon2Cost& cost) {
  CHECK(sane(cost));
  Secret out(32);
  const int status = argon2id_hash_raw(cost.passes, cost.memory_kib, cost.lanes, passphrase.data(),
                                       passphrase.size(), salt.data(), salt.size(),
                                       out.bytes().data(), out.size());
  if (status == ARGON2_OK) return out;
  if (status == ARGON2_MEMORY_ALLOCATION_ERROR || status == ARGON2_THREAD_FAIL) {
    return fail(Code::kResourceExhausted,
                "no memory for " + std::to_string(cost.memory_kib / 1024) + " MiB of Argon2id");
  }
  return fail(Code::kInternal, std::string("Argon2id: ") + argon2_error_message(status));
}

}  // namespace holdfast::seal
