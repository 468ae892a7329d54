#include "files/chunked_source.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/paged_bytes.h"
#include "base/secret.h"
#include "base/system_error.h"

namespace holdfast {
namespace {

constexpr uint64_t kReadAhead = 32;  // chunks

class ChunkedSource final : public ByteSource, private PagedBytes {
 public:
  ChunkedSource(std::shared_ptr<const ChunkReader> reader, std::byte* memory,
                std::size_t idle_chunks)
      : reader_(std::move(reader)),
        memory_(memory),
        idle_chunks_(idle_chunks),
        chunks_(reader_->chunks()) {
    if (memory_ != nullptr) own_bytes(all(), this);
  }

  ~ChunkedSource() override {
    if (memory_ == nullptr) return;
    forget_bytes(all());
    for (uint64_t i = 0; i < chunks_.size(); ++i) {
      if (chunks_[i].state == State::kPresent) wipe({at(i), reader_->chunk_bytes(i)});
    }
    ::munmap(memory_, chunks_.size() * kSourceChunk);
  }

  uint64_t size() const override { return reader_->size(); }
  const std::string& name() const override { return reader_->name(); }
  std::optional<std::span<const std::byte>> map() const override { return all(); }

  Status read(uint64_t offset, std::span<std::byte> out) const override {
    if (offset > size() || out.size() > size() - offset) {
      return fail(Code::kInvalidArgument,
                  fmt::format("{} bytes were wanted and {} are there", out.size(),
                              offset > size() ? 0 : size() - offset),
                  fmt::format("{}, byte {}", name(), offset));
    }
    if (out.empty()) return {};
    const auto bytes = all().subspan(offset, out.size());
    RETURN_IF_ERROR(fetch_bytes(bytes));
    std::memcpy(out.data(), bytes.data(), bytes.size());
    unpin_bytes(bytes);
    return {};
  }

 private:
  enum class State : uint8_t { kAbsent, kLoading, kPresent };
  struct Chunk {
    State state = State::kAbsent;
    bool leaving = false;  // kLoading in the other direction: its memory is given away
    uint64_t pinned = 0;   // bytes, each as often as it is pinned
  };

  std::span<const std::byte> all() const { return {memory_, reader_->size()}; }
  std::byte* at(uint64_t chunk) const { return memory_ + chunk * kSourceChunk; }

  // f(chunk, bytes of it in the range), in order.
  template <class F>
  void for_chunks(std::span<const std::byte> bytes, F&& f) {
    auto begin = static_cast<uint64_t>(bytes.data() - memory_);
    const uint64_t end = begin + bytes.size();
    while (begin < end) {
      const uint64_t chunk = begin / kSourceChunk;
      const uint64_t next = std::min(end, (chunk + 1) * kSourceChunk);
      f(chunk, next - begin);
      begin = next;
    }
  }

  void pin(std::span<const std::byte> bytes) override {
    const std::lock_guard lock(mutex_);
    for_chunks(bytes, [&](uint64_t chunk, uint64_t count) { chunks_[chunk].pinned += count; });
  }

  void unpin(std::span<const std::byte> bytes) override {
    const std::lock_guard lock(mutex_);
    for_chunks(bytes, [&](uint64_t chunk, uint64_t count) {
      CHECK(chunks_[chunk].pinned >= count) << name() << ": chunk " << chunk << " is not pinned";
      chunks_[chunk].pinned -= count;
      if (chunks_[chunk].pinned > 0 || chunks_[chunk].state != State::kPresent) return;
      if (idle_chunks_ > 0) {
        idle_.push_back(chunk);
      } else {
        take_memory(chunk);
        chunks_[chunk].state = State::kAbsent;
      }
    });
  }

  Status load(std::span<const std::byte> bytes) override { return load_chunks(bytes, true); }
  Status help_load(std::span<const std::byte> bytes) override { return load_chunks(bytes, false); }

  Status load_chunks(std::span<const std::byte> bytes, bool wait) {
    Status status;
    for_chunks(bytes, [&](uint64_t chunk, uint64_t) {
      if (status) status = load_chunk(chunk, wait);
    });
    return status;
  }

  Status load_chunk(uint64_t chunk, bool wait) {
    uint64_t recycled = chunk;  // itself: none
    {
      std::unique_lock lock(mutex_);
      if (!wait && chunks_[chunk].state == State::kLoading && chunks_[chunk].pinned > 0 &&
          !chunks_[chunk].leaving)
        return {};
      changed_.wait(lock, [&] { return chunks_[chunk].state != State::kLoading; });
      if (chunks_[chunk].state == State::kPresent) return {};
      CHECK(chunks_[chunk].pinned > 0) << name() << ": chunk " << chunk << " is not pinned";
      chunks_[chunk].state = State::kLoading;
      recycled = take_idle(chunk);
      read_ahead(chunk);
    }
    Status status = give_memory(chunk, recycled);
    if (status) {
      status = reader_->read_chunk(chunk, {at(chunk), reader_->chunk_bytes(chunk)});
      if (!status) take_memory(chunk);
    }
    {
      const std::lock_guard lock(mutex_);
      chunks_[chunk].state = status ? State::kPresent : State::kAbsent;
      if (recycled != chunk) {
        chunks_[recycled].state = State::kAbsent;
        chunks_[recycled].leaving = false;
      }
    }
    changed_.notify_all();
    return status;
  }

  // A chunk whose memory may serve another; it is kLoading until that is done. `chunk` when there
  // is none.
  uint64_t take_idle(uint64_t chunk) {
    while (idle_.size() > idle_chunks_) {
      const uint64_t oldest = idle_.front();
      idle_.pop_front();
      if (chunks_[oldest].pinned > 0 || chunks_[oldest].state != State::kPresent) continue;
      chunks_[oldest].state = State::kLoading;
      chunks_[oldest].leaving = true;
      return oldest;
    }
    return chunk;
  }

  void read_ahead(uint64_t chunk) {
    if (chunk < read_ahead_ && chunk + 2 * kReadAhead >= read_ahead_ &&
        chunk + kReadAhead / 2 < read_ahead_)
      return;
    const uint64_t first = chunk + 1;
    reader_->will_read(first, kReadAhead);
    read_ahead_ = first + kReadAhead;
  }

  // Pages that can be written at `chunk`: those of `recycled`, moved, or new ones. Moving saves the
  // system from clearing new pages and wipes the old content, since it is overwritten.
  Status give_memory(uint64_t chunk, uint64_t recycled) {
    if (recycled != chunk && reader_->chunk_bytes(chunk) == kSourceChunk &&
        reader_->chunk_bytes(recycled) == kSourceChunk) {
      void* moved = ::mremap(at(recycled), kSourceChunk, kSourceChunk,
                             MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, at(chunk));
      if (moved == at(chunk)) {
        reserve(recycled);
        return {};
      }
    }
    if (recycled != chunk) take_memory(recycled);
    if (::mprotect(at(chunk), kSourceChunk, PROT_READ | PROT_WRITE) != 0)
      return fail(Code::kResourceExhausted, std::string("no memory: ") + std::strerror(errno),
                  name(), "Use a smaller model, or free memory");
#if defined(MADV_POPULATE_WRITE)
    ::madvise(at(chunk), kSourceChunk, MADV_POPULATE_WRITE);  // all at once is quicker
#endif
    return {};
  }

  void take_memory(uint64_t chunk) {
    wipe({at(chunk), reader_->chunk_bytes(chunk)});
    reserve(chunk);
  }

  // Mapping anew gives the pages back, also locked ones, and forbids access in one step.
  void reserve(uint64_t chunk) {
    void* again = ::mmap(at(chunk), kSourceChunk, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    CHECK(again == at(chunk)) << "mmap: " << std::strerror(errno);
    ::madvise(at(chunk), kSourceChunk, MADV_DONTDUMP);
  }

  const std::shared_ptr<const ChunkReader> reader_;
  std::byte* const memory_;
  const std::size_t idle_chunks_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Chunk> chunks_;
  std::deque<uint64_t> idle_;  // present and not pinned, the oldest first; may be out of date
  uint64_t read_ahead_ = 0;
};

class PlainChunks final : public ChunkReader {
 public:
  PlainChunks(std::string path, int fd, uint64_t size)
      : path_(std::move(path)), fd_(fd), size_(size) {}
  ~PlainChunks() override { ::close(fd_); }

  const std::string& name() const override { return path_; }
  uint64_t size() const override { return size_; }

  Status read_chunk(uint64_t chunk, std::span<std::byte> out) const override {
    uint64_t offset = chunk * kSourceChunk;
    while (!out.empty()) {
      const ssize_t got = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        return fail(got == 0 ? Code::kCorrupt : Code::kUnavailable,
                    got == 0 ? std::string("the file became shorter while it was read")
                             : std::string("cannot read the file: ") + std::strerror(errno),
                    fmt::format("{}, chunk {}, byte {}", path_, chunk, offset));
      }
      out = out.subspan(static_cast<std::size_t>(got));
      offset += static_cast<uint64_t>(got);
    }
    return {};
  }

  void will_read(uint64_t first, uint64_t count) const override {
    ::posix_fadvise(fd_, static_cast<off_t>(first * kSourceChunk),
                    static_cast<off_t>(count * kSourceChunk), POSIX_FADV_WILLNEED);
  }

 private:
  const std::string path_;
  const int fd_;
  const uint64_t size_;
};

}  // namespace

Result<std::shared_ptr<const ChunkReader>> plain_chunks(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(system_error("cannot open the file", path));
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    return fail(Code::kInvalidArgument, "not a regular file", path);
  }
  return std::make_shared<const PlainChunks>(path, fd, static_cast<uint64_t>(info.st_size));
}

Result<std::shared_ptr<const ByteSource>> chunked_source(std::shared_ptr<const ChunkReader> reader,
                                                         std::size_t idle_chunks) {
  const uint64_t bytes = reader->chunks() * kSourceChunk;
  std::byte* memory = nullptr;
  if (bytes > 0) {
    void* mapped =
        ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) {
      return fail(Code::kResourceExhausted,
                  fmt::format("no address space for {} bytes: {}", bytes, std::strerror(errno)),
                  reader->name());
    }
    ::madvise(mapped, bytes, MADV_DONTDUMP);
    memory = static_cast<std::byte*>(mapped);
  }
  return std::make_shared<ChunkedSource>(std::move(reader), memory, idle_chunks);
}

}  // namespace holdfast
