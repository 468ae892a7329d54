#include "base/secret.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/system_error.h"

namespace holdfast {
namespace {

constexpr std::size_t kHeapBytes = 256 << 10;
constexpr std::size_t kSmallestBlock = 32;
constexpr std::size_t kLongestSecretFile = 4096;

// Without the secure heap (no memory for it) OpenSSL's functions fall back to the ordinary one.
void use_secure_heap() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (CRYPTO_secure_malloc_initialized() == 0)
      CRYPTO_secure_malloc_init(kHeapBytes, kSmallestBlock);
  });
}

}  // namespace

Secret::Secret(std::size_t size) : size_(size) {
  if (size == 0) return;
  use_secure_heap();
  data_ = static_cast<uint8_t*>(OPENSSL_secure_zalloc(size));
  CHECK(data_ != nullptr) << "no memory for a secret of " << size << " bytes";
}

Secret Secret::copy(std::span<const uint8_t> bytes) {
  Secret out(bytes.size());
  std::copy(bytes.begin(), bytes.end(), out.data_);
  return out;
}

Secret Secret::random(std::size_t size) {
  Secret out(size);
  CHECK(RAND_priv_bytes(out.data_, static_cast<int>(size)) == 1)
      << "the system gives no randomness";
  return out;
}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Secret::~Secret() { OPENSSL_secure_clear_free(data_, size_); }

bool Secret::equals(std::span<const uint8_t> other) const {
  return size_ == other.size() && (size_ == 0 || CRYPTO_memcmp(data_, other.data(), size_) == 0);
}

Result<Secret> read_secret_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(system_error("cannot open the file", path));
  struct stat info {};
  Secret buffer(kLongestSecretFile + 1);
  std::size_t got = 0;
  const bool regular = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  ssize_t count = 1;
  while (regular && count > 0 && got < buffer.size()) {
    count = ::read(fd, buffer.bytes().data() + got, buffer.size() - got);
    if (count > 0) got += static_cast<std::size_t>(count);
    if (count < 0 && errno == EINTR) count = 1;
  }
  if (count < 0) {
    auto error = fail(system_error("cannot read the file", path));
    ::close(fd);
    return error;
  }
  ::close(fd);
  if (!regular) return fail(Code::kInvalidArgument, "not a regular file", path);
  if (got > kLongestSecretFile)
    return fail(Code::kInvalidArgument, "the file is too long for a secret (over 4 KiB)", path);
  if ((info.st_mode & S_IROTH) != 0)
    spdlog::warn("{}: everybody on this machine may read this secret (chmod 600 it)", path);
  std::span<const uint8_t> bytes = buffer.bytes().first(got);
  if (!bytes.empty() && bytes.back() == '\n') bytes = bytes.first(bytes.size() - 1);
  if (!bytes.empty() && bytes.back() == '\r') bytes = bytes.first(bytes.size() - 1);
  if (bytes.empty()) return fail(Code::kInvalidArgument, "the file holds no secret", path);
  return Secret::copy(bytes);
}

void random_fill(std::span<uint8_t> out) {
  CHECK(RAND_bytes(out.data(), static_cast<int>(out.size())) == 1)
      << "the system gives no randomness";
}

void wipe(std::span<std::byte> bytes) { OPENSSL_cleanse(bytes.data(), bytes.size()); }

}  // namespace holdfast
