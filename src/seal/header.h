// The header of a sealed file; docs/formats/sealed.md gives every byte. A header is either whole
// and well-formed or refused; whether it is genuine only its key can tell (authenticate).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "seal/key_slot.h"

namespace holdfast::seal {

inline constexpr std::size_t kHeaderBytes = 4096;
inline constexpr uint64_t kChunkBytes = 1 << 20;
inline constexpr std::size_t kMostSlots = 8;
inline constexpr std::size_t kPrefixBytes = 7;
inline constexpr char kMagic[] = "HFSEALED";  // 8 bytes in the file

using HeaderBytes = std::array<uint8_t, kHeaderBytes>;
using FileId = std::array<uint8_t, 16>;

struct Header {
  uint64_t plain_bytes = 0;
  FileId file_id{};
  std::array<uint8_t, kPrefixBytes> nonce_prefix{};
  std::vector<KeySlot> slots;  // 1 to kMostSlots

  uint64_t chunks() const;        // at least one: an empty file has an empty chunk
  uint64_t sealed_bytes() const;  // of the whole file
  uint64_t chunk_offset(uint64_t chunk) const {
    return kHeaderBytes + chunk * (kChunkBytes + kTagBytes);
  }
  uint64_t chunk_plain_bytes(uint64_t chunk) const;

  friend bool operator==(const Header&, const Header&) = default;
};

// The longest file the counter in the nonces can number.
inline constexpr uint64_t kMostPlainBytes = (uint64_t{1} << 32) * kChunkBytes;

// `file`: for errors. corrupt for anything a writer of ours would not have written; unimplemented
// for a later version.
Result<Header> parse_header(const HeaderBytes& bytes, const std::string& file);
// invalid_argument when the slots do not fit. `file_key` authenticates.
Result<HeaderBytes> write_header(const Header& header, std::span<const uint8_t> file_key);
// Whether these bytes were written by somebody who has the file's key.
bool authentic(const HeaderBytes& bytes, const Header& header, std::span<const uint8_t> file_key);

// Whether a file begins as a sealed one.
bool looks_sealed(std::span<const std::byte> beginning);

// What a wrapped key is bound to: the format, the kind of slot, the file.
std::array<uint8_t, 28> slot_context(const FileId& file, std::size_t kind);
// The key of the chunks; the file's length and nonces are bound into it.
Secret chunk_key(const Header& header, std::span<const uint8_t> file_key);
Nonce chunk_nonce(const Header& header, uint64_t chunk);

}  // namespace holdfast::seal
