// Storages for tests: one that does not wait for the disk, one that fails where told.
#pragma once

#include <string>

#include "audit/storage.h"

namespace holdfast::audit {

// As the system's, but sync() returns at once.
class QuickStorage : public Storage {
 public:
  Result<int> create(const std::string& path) override { return base_.create(path); }
  Result<int> open(const std::string& path) override { return base_.open(path); }
  void close(int fd) override { base_.close(fd); }
  Status write(int fd, uint64_t offset, std::string_view bytes, const std::string& path) override {
    return base_.write(fd, offset, bytes, path);
  }
  Status truncate(int fd, uint64_t size, const std::string& path) override {
    return base_.truncate(fd, size, path);
  }
  Status sync(int, const std::string&) override { return {}; }
  Status sync_folder(const std::string&) override { return {}; }
  Status rename(const std::string& from, const std::string& to) override {
    return base_.rename(from, to);
  }
  Status remove(const std::string& path) override { return base_.remove(path); }
  Result<uint64_t> free_bytes(const std::string& path) override { return base_.free_bytes(path); }

  static QuickStorage& get() {
    static QuickStorage storage;
    return storage;
  }

 private:
  Storage& base_ = Storage::system();
};

// The calls from number `fail_from` on, `failures` of them, fail; a write that fails has written
// half. With `dead`, everything after fails too: as if the process had been killed there.
class FaultyStorage final : public QuickStorage {
 public:
  uint64_t calls = 0, fail_from = UINT64_MAX, failures = 1;
  bool full = false;  // free_bytes says zero

  Result<int> create(const std::string& path) override {
    if (fails()) return fault(path);
    return QuickStorage::create(path);
  }
  Result<int> open(const std::string& path) override {
    if (fails()) return fault(path);
    return QuickStorage::open(path);
  }
  Status write(int fd, uint64_t offset, std::string_view bytes, const std::string& path) override {
    if (fails()) {
      (void)QuickStorage::write(fd, offset, bytes.substr(0, bytes.size() / 2), path);
      return fault(path);
    }
    return QuickStorage::write(fd, offset, bytes, path);
  }
  Status truncate(int fd, uint64_t size, const std::string& path) override {
    if (fails()) return fault(path);
    return QuickStorage::truncate(fd, size, path);
  }
  Status sync(int, const std::string& path) override {
    if (fails()) return fault(path);
    return {};
  }
  Status sync_folder(const std::string& path) override {
    if (fails()) return fault(path);
    return {};
  }
  Status rename(const std::string& from, const std::string& to) override {
    if (fails()) return fault(from);
    return QuickStorage::rename(from, to);
  }
  Result<uint64_t> free_bytes(const std::string& path) override {
    if (full) return 0;
    return QuickStorage::free_bytes(path);
  }

 private:
  bool fails() {
    const uint64_t call = calls++;
    return call >= fail_from && call - fail_from < failures;
  }
  static tl::unexpected<Error> fault(const std::string& path) {
    return fail(Code::kResourceExhausted, "cannot write: No space left on device", path,
                "make room on this disk");
  }
};

}  // namespace holdfast::audit
