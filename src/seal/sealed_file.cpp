#include "seal/sealed_file.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/system_error.h"

namespace holdfast::seal {
namespace {

constexpr char kDamaged[] = "The file is damaged; fetch or restore it again";

// A regular file, open for reading, and its length.
Result<int> open_regular(const std::string& path, uint64_t& length) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return fail(system_error("cannot open the file", path));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return fail(system_error("cannot read the file's size", path));
  if (!S_ISREG(info.st_mode)) return fail(Code::kInvalidArgument, "not a regular file", path);
  length = static_cast<uint64_t>(info.st_size);
  return fd.release();
}

Result<HeaderBytes> read_header_bytes(int fd, uint64_t length, const std::string& path) {
  HeaderBytes bytes{};
  if (length >= 8 && length < bytes.size()) {
    return fail(Code::kCorrupt, "the file ends inside its header",
                fmt::format("{}, byte {}", path, length), kDamaged);
  }
  std::size_t got = 0;
  while (got < bytes.size()) {
    const ssize_t count =
        ::pread(fd, bytes.data() + got, bytes.size() - got, static_cast<off_t>(got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(system_error("cannot read the file", path));
    if (count == 0) break;
    got += static_cast<std::size_t>(count);
  }
  return bytes;
}

}  // namespace

SealedFile::SealedFile(std::string path, int fd, Header header, Secret file_key)
    : path_(std::move(path)),
      fd_(fd),
      header_(std::move(header)),
      file_key_(std::move(file_key)),
      chunk_key_(chunk_key(header_, file_key_.bytes())) {}

SealedFile::~SealedFile() { ::close(fd_); }

Result<std::shared_ptr<const SealedFile>> SealedFile::open(const std::string& path,
                                                           const KeyProviders& keys) {
  uint64_t length = 0;
  ASSIGN_OR_RETURN(const int opened, open_regular(path, length));
  Descriptor fd(opened);
  ASSIGN_OR_RETURN(const HeaderBytes bytes, read_header_bytes(fd.get(), length, path));
  auto parsed = parse_header(bytes, path);
  if (!parsed) {
    Error error = parsed.error();
    if (::access((path + ".header").c_str(), F_OK) == 0)
      error.hint = "A rotation of its keys was cut short: repeat it with holdfast keys rotate";
    return fail(std::move(error));
  }
  Header header = std::move(*parsed);
  if (length != header.sealed_bytes()) {
    return fail(
        Code::kCorrupt,
        fmt::format("the file has {} bytes; its header says {}", length, header.sealed_bytes()),
        fmt::format("{}, byte {}", path, std::min(length, header.sealed_bytes())), kDamaged);
  }
  ASSIGN_OR_RETURN(Secret file_key, find_file_key(bytes, header, keys, path));
  return std::shared_ptr<const SealedFile>(
      new SealedFile(path, fd.release(), std::move(header), std::move(file_key)));
}

std::unique_ptr<Aes256Gcm> SealedFile::take_cipher() const {
  {
    const std::lock_guard lock(mutex_);
    if (!ciphers_.empty()) {
      auto cipher = std::move(ciphers_.back());
      ciphers_.pop_back();
      return cipher;
    }
  }
  return std::make_unique<Aes256Gcm>(chunk_key_.bytes());
}

void SealedFile::give_back(std::unique_ptr<Aes256Gcm> cipher) const {
  const std::lock_guard lock(mutex_);
  ciphers_.push_back(std::move(cipher));
}

Status SealedFile::read_chunk(uint64_t chunk, std::span<std::byte> out) const {
  CHECK(chunk < chunks() && out.size() == header_.chunk_plain_bytes(chunk));
  const uint64_t offset = header_.chunk_offset(chunk);
  const auto where = [&] { return fmt::format("{}, chunk {}, byte {}", path_, chunk, offset); };
  Tag tag;
  std::size_t got = 0;
  const std::size_t wanted = out.size() + tag.size();
  while (got < wanted) {
    iovec parts[2];
    int count = 0;
    if (got < out.size()) parts[count++] = {out.data() + got, out.size() - got};
    const std::size_t of_tag = got > out.size() ? got - out.size() : 0;
    parts[count++] = {tag.data() + of_tag, tag.size() - of_tag};
    const ssize_t read = ::preadv(fd_, parts, count, static_cast<off_t>(offset + got));
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) return fail(system_error("cannot read the file", where()));
    if (read == 0) {
      wipe(out);
      return fail(Code::kCorrupt, "the file ends inside a chunk", where(), kDamaged);
    }
    got += static_cast<std::size_t>(read);
  }
  auto cipher = take_cipher();
  const bool genuine = cipher->decrypt(chunk_nonce(header_, chunk), {}, out, tag, out);
  give_back(std::move(cipher));
  if (!genuine) {
    return fail(Code::kCorrupt, fmt::format("chunk {} was changed after it was sealed", chunk),
                where(), kDamaged);
  }
  return {};
}

void SealedFile::will_read(uint64_t first_chunk, uint64_t count) const {
  if (first_chunk >= chunks() || count == 0) return;
  ::posix_fadvise(fd_, static_cast<off_t>(header_.chunk_offset(first_chunk)),
                  static_cast<off_t>(count * (kChunkBytes + kTagBytes)), POSIX_FADV_WILLNEED);
}

Result<bool> is_sealed(const std::string& path) {
  uint64_t length = 0;
  ASSIGN_OR_RETURN(const int opened, open_regular(path, length));
  const Descriptor fd(opened);
  std::array<std::byte, 8> beginning{};
  ssize_t got = 0;
  do {
    got = ::pread(fd.get(), beginning.data(), beginning.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return fail(system_error("cannot read the file", path));
  return looks_sealed(std::span(beginning).first(static_cast<std::size_t>(got)));
}

Result<Header> read_header(const std::string& path) {
  uint64_t length = 0;
  ASSIGN_OR_RETURN(const int opened, open_regular(path, length));
  const Descriptor fd(opened);
  ASSIGN_OR_RETURN(const HeaderBytes bytes, read_header_bytes(fd.get(), length, path));
  return parse_header(bytes, path);
}

}  // namespace holdfast::seal
