#include "audit/maintenance.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "audit/clock.h"
#include "audit/compress.h"
#include "audit/folder.h"
#include "audit/format.h"
#include "audit/storage.h"
#include "base/log.h"

namespace holdfast::audit {

namespace {

constexpr auto kPause = std::chrono::minutes(10);  // between looks for what has become old

// A whole file, on the disk before it has its name.
Status write_file(const std::string& path, std::string_view bytes) {
  Storage& storage = Storage::system();
  const std::string temporary = path + ".part";
  ASSIGN_OR_RETURN(const int fd, storage.create(temporary));
  Status status = storage.write(fd, 0, bytes, temporary);
  if (status) status = storage.sync(fd, temporary);
  storage.close(fd);
  if (status) status = storage.rename(temporary, path);
  if (status) status = storage.sync_folder(std::filesystem::path(path).parent_path().string());
  if (!status) (void)storage.remove(temporary);
  return status;
}

Result<std::string> read_raw(SegmentFile file) {
  file.packed = false;  // as it is on the disk
  return load_segment(file);
}

}  // namespace

Status pack_closed(const std::string& folder, uint64_t active) {
  ASSIGN_OR_RETURN(const auto files, list_segments({folder}));
  for (const SegmentFile& file : files) {
    if (file.packed || file.first >= active) continue;
    ASSIGN_OR_RETURN(const std::string bytes, load_segment(file));
    const std::string packed = pack_segment(bytes);
    // Nothing is removed before its replacement was read back.
    ASSIGN_OR_RETURN(const std::string again, unpack_segment(packed, kMaxSegment));
    if (again != bytes) return fail(Code::kInternal, "a segment did not compress", file.path);
    RETURN_IF_ERROR(write_file(folder + "/" + segment_name(file.first, true), packed));
    RETURN_IF_ERROR(Storage::system().remove(file.path));
  }
  return {};
}

Status move_closed(const std::string& folder, const std::string& cold, uint64_t active) {
  std::error_code ec;
  std::filesystem::create_directories(cold, ec);
  ASSIGN_OR_RETURN(const auto files, list_segments({folder}));
  for (const SegmentFile& file : files) {
    if (file.first >= active) continue;
    ASSIGN_OR_RETURN(const std::string bytes, read_raw(file));
    const std::string target = cold + "/" + segment_name(file.first, file.packed);
    RETURN_IF_ERROR(write_file(target, bytes));
    SegmentFile moved = file;
    moved.path = target;
    ASSIGN_OR_RETURN(const std::string again, read_raw(moved));
    if (again != bytes) return fail(Code::kUnavailable, "the copy differs", target);
    RETURN_IF_ERROR(Storage::system().remove(file.path));
  }
  return {};
}

Result<uint64_t> remove_old(const std::string& folder, const std::string& cold, uint64_t active,
                            uint64_t before_us, const std::function<Status(std::string)>& append) {
  std::vector<std::string> folders{folder};
  if (!cold.empty()) folders.push_back(cold);
  ASSIGN_OR_RETURN(const auto files, list_segments(folders));
  // A segment's last record is older than the next one's header.
  uint64_t end = 0;
  std::vector<std::string> paths, waiting;
  for (const SegmentFile& file : files) {
    ASSIGN_OR_RETURN(const std::string bytes, load_segment(file));
    ASSIGN_OR_RETURN(const SegmentReader reader,
                     SegmentReader::open(std::as_bytes(std::span(bytes))));
    if (reader.header().created >= before_us) break;
    if (file.first > end) end = file.first;
    for (auto& path : waiting) paths.push_back(std::move(path));
    waiting.clear();
    if (file.first >= active) break;
    waiting.push_back(file.path);
  }
  std::erase_if(paths, [&](const std::string& path) {
    return std::filesystem::path(path).filename().string() >= segment_name(end, false);
  });
  if (paths.empty()) return 0;
  const uint64_t first = files.front().first;
  RETURN_IF_ERROR(
      append(fmt::format(R"({{"event":"audit.removed","first":{},"end":{},"before":"{}"}})", first,
                         end, format_time(before_us))));
  for (const std::string& path : paths) RETURN_IF_ERROR(Storage::system().remove(path));
  return end - first;
}

Maintenance::Maintenance(std::string folder, const MaintenanceOptions& options,
                         std::function<Status(std::string)> append)
    : folder_(std::move(folder)), options_(options), append_(std::move(append)) {}

Maintenance::~Maintenance() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Maintenance::start(uint64_t segment) {
  active_ = segment;
  thread_ = std::thread([this] { run(); });
}

void Maintenance::segment_began(uint64_t segment) {
  const std::lock_guard lock(mutex_);
  active_ = segment;
  work_ = true;
  changed_.notify_all();
}

void Maintenance::run() {
  // Behind everything that serves: of this thread only (Linux counts niceness by thread).
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), 19);
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (!work_) changed_.wait_for(lock, kPause, [&] { return stop_ || work_; });
    if (stop_) return;
    work_ = false;
    const uint64_t active = active_;
    lock.unlock();
    pass(active);
    lock.lock();
  }
}

void Maintenance::pass(uint64_t active) {
  Status status;
  if (options_.compress) status = pack_closed(folder_, active);
  if (status && !options_.cold_folder.empty()) {
    status = move_closed(folder_, options_.cold_folder, active);
  }
  if (status && options_.keep.count() > 0) {
    const auto keep = static_cast<uint64_t>(std::chrono::microseconds(options_.keep).count());
    const auto removed =
        remove_old(folder_, options_.cold_folder, active, now_us() - keep, append_);
    if (!removed) status = fail(removed.error());
  }
  if (!status) spdlog::warn("audit: closed segments: {}", to_string(status.error()));
}

}  // namespace holdfast::audit
