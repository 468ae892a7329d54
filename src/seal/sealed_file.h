// Sealed files: AES-256-GCM in chunks of 1 MiB; docs/formats/sealed.md.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/output_file.h"
#include "base/result.h"
#include "seal/header.h"
#include "seal/key_provider.h"

namespace holdfast::seal {

// A sealed file open for reading. Thread-safe.
class SealedFile {
 public:
  // not_found, permission_denied; corrupt (see parse_header), also when the file's length is not
  // what the header says; unauthenticated without the right key.
  static Result<std::shared_ptr<const SealedFile>> open(const std::string& path,
                                                        const KeyProviders& keys);
  ~SealedFile();
  SealedFile(const SealedFile&) = delete;
  SealedFile& operator=(const SealedFile&) = delete;

  const std::string& path() const { return path_; }
  const Header& header() const { return header_; }
  const Secret& file_key() const { return file_key_; }
  uint64_t size() const { return header_.plain_bytes; }  // of the content
  uint64_t chunks() const { return header_.chunks(); }

  // Fills `out` (chunk_plain_bytes(chunk) bytes) with a chunk's content, decrypted in place.
  // corrupt, naming chunk and offset, when it was changed; `out` then holds nothing of it.
  Status read_chunk(uint64_t chunk, std::span<std::byte> out) const;
  // Tells the system that these chunks will be read soon.
  void will_read(uint64_t first_chunk, uint64_t chunks) const;

 private:
  SealedFile(std::string path, int fd, Header header, Secret file_key);
  // A cipher nobody uses; they are as many as threads ever read at once.
  std::unique_ptr<Aes256Gcm> take_cipher() const;
  void give_back(std::unique_ptr<Aes256Gcm> cipher) const;

  std::string path_;
  int fd_;
  Header header_;
  Secret file_key_;
  Secret chunk_key_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Aes256Gcm>> ciphers_;
};

// Whether the file begins as a sealed one. not_found, permission_denied.
Result<bool> is_sealed(const std::string& path);
// The header without any key: well-formed, but perhaps not genuine.
Result<Header> read_header(const std::string& path);

struct SealOptions {
  OutputFile::Existing existing = OutputFile::Existing::kRefuse;
  int threads = 0;  // 0: one for each CPU
  std::function<void(double share)> progress;
};

// Writes OUT, the sealed content of IN; OUT opens with each of `keys`. OUT appears whole or not at
// all.
Status seal_file(const std::string& in, const std::string& out, const KeyProviders& keys,
                 const SealOptions& options);
// The reverse. OUT can be read by its owner alone.
Status unseal_file(const std::string& in, const std::string& out, const KeyProviders& keys,
                   const SealOptions& options);

// Replaces the keys that open the file by `new_keys`, keeping what is sealed: the header is
// rewritten and the chunks stay as they are. Whoever kept a copy of the old header and its key can
// still open the file. The new header lies under PATH.header until the old one is overwritten, so
// that a power cut leaves one of them whole; calling again finishes what was cut short.
Status rewrap_file(const std::string& path, const KeyProviders& keys, const KeyProviders& new_keys);

}  // namespace holdfast::seal
