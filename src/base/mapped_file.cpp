#include "base/mapped_file.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <map>
#include <mutex>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/system_error.h"

namespace holdfast {
namespace {

// All live mappings, begin to end: memory that may be dropped because the file still has it.
struct Mappings {
  std::mutex mutex;
  std::map<const std::byte*, const std::byte*> ranges;
};
Mappings& mappings() {
  static auto* const all = new Mappings;  // outlives every static MappedFile
  return *all;
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(system_error("cannot open the file", path));
  struct stat info {};
  if (::fstat(fd, &info) != 0) {
    Error error = system_error("cannot read the file's size", path);
    ::close(fd);
    return fail(std::move(error));
  }
  if (!S_ISREG(info.st_mode)) {
    ::close(fd);
    return fail(Code::kInvalidArgument, "not a regular file", path);
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) {
    ::close(fd);
    return MappedFile(nullptr, 0);
  }
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  ::close(fd);
  if (data == MAP_FAILED) return fail(system_error("cannot map the file", path));
  const auto* const begin = static_cast<const std::byte*>(data);
  const std::lock_guard lock(mappings().mutex);
  mappings().ranges.emplace(begin, begin + size);
  return MappedFile(begin, size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ == nullptr) return;
  const std::lock_guard lock(mappings().mutex);
  mappings().ranges.erase(data_);
  ::munmap(const_cast<std::byte*>(data_), size_);
}

bool in_mapped_file(std::span<const std::byte> bytes) {
  const std::lock_guard lock(mappings().mutex);
  const auto it = mappings().ranges.upper_bound(bytes.data());
  return it != mappings().ranges.begin() && bytes.data() + bytes.size() <= std::prev(it)->second;
}

void release_file_pages(std::span<const std::byte> bytes) {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<uintptr_t>(bytes.data());
  const std::size_t before = (page - address % page) % page;  // to the first whole page
  if (bytes.size() < before + page) return;
  const std::size_t whole = (bytes.size() - before) / page * page;
  if (!in_mapped_file(bytes)) return;
  ::madvise(const_cast<std::byte*>(bytes.data()) + before, whole, MADV_DONTNEED);
}

}  // namespace holdfast
