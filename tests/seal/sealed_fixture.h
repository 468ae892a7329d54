// A folder with keys and files to seal.
#pragma once

#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "../files/temporary_folder.h"
#include "seal/sealed_file.h"

namespace holdfast::seal {

// Cheap, so that tests are quick.
inline constexpr Argon2Cost kCheap{.passes = 1, .memory_kib = 64, .lanes = 1};

inline Secret secret(std::string_view text) {
  return Secret::copy({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

inline KeyProviders passphrase(std::string_view text) {
  KeyProviders out;
  out.push_back(passphrase_key(secret(text), "the test's passphrase", kCheap));
  return out;
}

// A key of 32 times the same byte.
inline KeyProviders key(uint8_t byte) {
  Secret bytes(kKeyBytes);
  for (uint8_t& b : bytes.bytes()) b = byte;
  KeyProviders out;
  out.push_back(raw_key(std::move(bytes), "the test's key"));
  return out;
}

inline std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

inline void write(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// Bytes that are not the same anywhere.
inline std::string some_bytes(std::size_t count, uint32_t seed = 1) {
  std::string out(count, '\0');
  for (char& c : out) {
    seed = seed * 1664525u + 1013904223u;
    c = static_cast<char>(seed >> 24);
  }
  return out;
}

class Sealed : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.file(name); }

  // Seals `content` under `name`.
  std::string seal(const std::string& name, std::string_view content, const KeyProviders& keys) {
    write(path(name + ".plain"), content);
    const Status status = seal_file(path(name + ".plain"), path(name), keys,
                                    {.existing = OutputFile::Existing::kReplace, .threads = 2});
    EXPECT_TRUE(status) << to_string(status.error());
    return path(name);
  }

  // The content of a sealed file, or the error.
  Result<std::string> open(const std::string& sealed, const KeyProviders& keys) {
    ASSIGN_OR_RETURN(const auto file, SealedFile::open(sealed, keys));
    std::string out(file->size(), '\0');
    for (uint64_t i = 0; i < file->chunks(); ++i) {
      const auto bytes = std::as_writable_bytes(std::span(out));
      RETURN_IF_ERROR(
          file->read_chunk(i, bytes.subspan(i * kChunkBytes, file->header().chunk_plain_bytes(i))));
    }
    return out;
  }

  TemporaryFolder folder_;
};

}  // namespace holdfast::seal
