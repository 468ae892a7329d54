// Sealing, unsealing, and exchanging the keys of whole files.
#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/system_error.h"
#include "base/thread_pool.h"
#include "seal/sealed_file.h"

namespace holdfast::seal {
namespace {

constexpr uint64_t kBatch = 32;  // chunks in memory at once

// An open file that is closed.
struct Input {
  int fd = -1;
  uint64_t bytes = 0;
  ~Input() {
    if (fd >= 0) ::close(fd);
  }
};

Status open_input(const std::string& path, Input& input) {
  input.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (input.fd < 0) return fail(system_error("cannot open the file", path));
  struct stat info {};
  if (::fstat(input.fd, &info) != 0) return fail(system_error("cannot read the file's size", path));
  if (!S_ISREG(info.st_mode)) return fail(Code::kInvalidArgument, "not a regular file", path);
  input.bytes = static_cast<uint64_t>(info.st_size);
  return {};
}

Status read_exactly(int fd, uint64_t offset, std::span<std::byte> out, const std::string& path) {
  while (!out.empty()) {
    const ssize_t got = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(system_error("cannot read the file", path));
    if (got == 0) {
      return fail(Code::kUnavailable, "the file became shorter while it was read",
                  fmt::format("{}, byte {}", path, offset));
    }
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<uint64_t>(got);
  }
  return {};
}

Status write_exactly(int fd, std::span<const uint8_t> bytes, const std::string& path) {
  off_t offset = 0;
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(fd, bytes.data(), bytes.size(), offset);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return fail(system_error("cannot write the file", path));
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    offset += done;
  }
  if (::fsync(fd) != 0) return fail(system_error("cannot write the file", path));
  return {};
}

int threads_of(const SealOptions& options) {
  return options.threads > 0 ? options.threads : ThreadPool::available_cpus();
}

// work(i, its slice of the buffer) for chunks [first, first + count) on all threads; the error of
// the first chunk that has one.
template <class Work>
Status for_chunks(ThreadPool& pool, uint64_t count, const Work& work) {
  std::vector<Status> statuses(count);
  pool.parallel_for(static_cast<int64_t>(count), 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      statuses[static_cast<std::size_t>(i)] = work(static_cast<uint64_t>(i));
  });
  for (Status& status : statuses) RETURN_IF_ERROR(std::move(status));
  return {};
}

Result<std::vector<KeySlot>> wrap_for(const KeyProviders& keys, const FileId& file,
                                      std::span<const uint8_t> file_key) {
  if (keys.empty()) {
    return fail(Code::kInvalidArgument, "a sealed file needs a key", "",
                "Give --key or --passphrase-file");
  }
  std::vector<KeySlot> slots;
  for (const auto& key : keys) {
    ASSIGN_OR_RETURN(KeySlot slot, key->wrap(file, file_key));
    slots.push_back(std::move(slot));
  }
  return slots;
}

}  // namespace

Status seal_file(const std::string& in, const std::string& out, const KeyProviders& keys,
                 const SealOptions& options) {
  Input input;
  RETURN_IF_ERROR(open_input(in, input));
  if (input.bytes > kMostPlainBytes)
    return fail(Code::kInvalidArgument, "the file is too long to be sealed", in);
  Header header;
  header.plain_bytes = input.bytes;
  random_fill(header.file_id);
  random_fill(header.nonce_prefix);
  const Secret file_key = Secret::random(kKeyBytes);
  ASSIGN_OR_RETURN(header.slots, wrap_for(keys, header.file_id, file_key.bytes()));
  ASSIGN_OR_RETURN(const HeaderBytes bytes, write_header(header, file_key.bytes()));
  ASSIGN_OR_RETURN(auto file, OutputFile::create(out, options.existing));
  RETURN_IF_ERROR(file.write(std::as_bytes(std::span(bytes))));

  ThreadPool pool(threads_of(options));
  const Secret key = chunk_key(header, file_key.bytes());
  constexpr std::size_t kSlot = kChunkBytes + kTagBytes;
  std::vector<std::byte> buffer(std::min(kBatch, header.chunks()) * kSlot);
  for (uint64_t first = 0; first < header.chunks(); first += kBatch) {
    const uint64_t count = std::min(kBatch, header.chunks() - first);
    const auto seal_chunk = [&](uint64_t i) -> Status {
      const uint64_t chunk = first + i;
      const std::size_t size = header.chunk_plain_bytes(chunk);
      const std::span plain = std::span(buffer).subspan(i * kSlot, size);
      RETURN_IF_ERROR(read_exactly(input.fd, chunk * kChunkBytes, plain, in));
      Tag tag;
      Aes256Gcm(key.bytes()).encrypt(chunk_nonce(header, chunk), {}, plain, plain, tag);
      std::memcpy(buffer.data() + i * kSlot + size, tag.data(), tag.size());
      return {};
    };
    RETURN_IF_ERROR(for_chunks(pool, count, seal_chunk));
    const std::size_t last = header.chunk_plain_bytes(first + count - 1) + kTagBytes;
    RETURN_IF_ERROR(file.write(std::span(buffer).first((count - 1) * kSlot + last)));
    if (options.progress)
      options.progress(static_cast<double>(first + count) / static_cast<double>(header.chunks()));
  }
  return file.finish();
}

Status unseal_file(const std::string& in, const std::string& out, const KeyProviders& keys,
                   const SealOptions& options) {
  ASSIGN_OR_RETURN(const auto sealed, SealedFile::open(in, keys));
  ASSIGN_OR_RETURN(auto file, OutputFile::create(out, options.existing, 0600));
  ThreadPool pool(threads_of(options));
  const uint64_t chunks = sealed->chunks();
  std::vector<std::byte> buffer(std::min(kBatch, chunks) * kChunkBytes);
  for (uint64_t first = 0; first < chunks; first += kBatch) {
    const uint64_t count = std::min(kBatch, chunks - first);
    const auto open_chunk = [&](uint64_t i) {
      return sealed->read_chunk(
          first + i, std::span(buffer).subspan(i * kChunkBytes,
                                               sealed->header().chunk_plain_bytes(first + i)));
    };
    RETURN_IF_ERROR(for_chunks(pool, count, open_chunk));
    const std::size_t last = sealed->header().chunk_plain_bytes(first + count - 1);
    RETURN_IF_ERROR(file.write(std::span(buffer).first((count - 1) * kChunkBytes + last)));
    if (options.progress)
      options.progress(static_cast<double>(first + count) / static_cast<double>(chunks));
  }
  wipe(buffer);
  return file.finish();
}

namespace {

// The header of `path`, or the one beside it that a rotation cut short has left.
Result<Header> genuine_header(const std::string& path, const std::string& beside,
                              const KeyProviders& keys, const KeyProviders& new_keys,
                              std::optional<Secret>& file_key) {
  std::optional<Error> first;
  for (const std::string& from : {path, beside}) {
    Input input;
    HeaderBytes bytes{};
    Status read = open_input(from, input);
    if (read) read = read_exactly(input.fd, 0, std::as_writable_bytes(std::span(bytes)), from);
    Result<Header> header =
        read ? parse_header(bytes, from) : Result<Header>(fail(std::move(read).error()));
    for (const KeyProviders* some : {&keys, &new_keys}) {
      if (!header) break;
      auto found = find_file_key(bytes, *header, *some, from);
      if (found) {
        file_key = std::move(*found);
        return header;
      }
      if (!first) first = found.error();
    }
    if (!header && !first) first = header.error();
  }
  return fail(std::move(*first));
}

}  // namespace

Status rewrap_file(const std::string& path, const KeyProviders& keys,
                   const KeyProviders& new_keys) {
  const std::string beside = path + ".header";
  std::optional<Secret> file_key;
  ASSIGN_OR_RETURN(Header header, genuine_header(path, beside, keys, new_keys, file_key));
  ASSIGN_OR_RETURN(header.slots, wrap_for(new_keys, header.file_id, file_key->bytes()));
  ASSIGN_OR_RETURN(const HeaderBytes bytes, write_header(header, file_key->bytes()));
  {
    ASSIGN_OR_RETURN(auto copy, OutputFile::create(beside, OutputFile::Existing::kReplace));
    RETURN_IF_ERROR(copy.write(std::as_bytes(std::span(bytes))));
    RETURN_IF_ERROR(copy.finish());
  }
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return fail(system_error("cannot open the file for writing", path));
  Status written = write_exactly(fd, bytes, path);
  ::close(fd);
  RETURN_IF_ERROR(std::move(written));
  ::unlink(beside.c_str());
  return {};
}

}  // namespace holdfast::seal
