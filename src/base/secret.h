// Keys in memory: on OpenSSL's secure heap, which is locked against swapping where the system
// allows it, left out of core dumps and fenced by guard pages; overwritten when they go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"

namespace holdfast {

// Owns its bytes; movable. Not for megabytes: the heap behind it is small.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::size_t size);  // zeros
  static Secret copy(std::span<const uint8_t> bytes);
  static Secret random(std::size_t size);

  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  std::span<uint8_t> bytes() { return {data_, size_}; }
  std::span<const uint8_t> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Whether the bytes are the same, in a time that depends on their number alone.
  bool equals(std::span<const uint8_t> other) const;

 private:
  uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

// The whole content of a small file (a passphrase, a PIN, a key), without the line break at its
// end; no other copy of it stays behind. not_found, permission_denied; invalid_argument when it is
// empty, over 4 KiB or no regular file. Logs a warning when everybody may read it.
Result<Secret> read_secret_file(const std::string& path);

// Fills `out` from the system's generator.
void random_fill(std::span<uint8_t> out);
// Overwrites bytes, also where the compiler sees nobody read them afterwards.
void wipe(std::span<std::byte> bytes);

}  // namespace holdfast
