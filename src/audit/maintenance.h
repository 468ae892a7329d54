// What becomes of closed segments, on a thread of its own: compressed, moved to a cheaper disk,
// removed when they are old enough.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"

namespace holdfast::audit {

struct MaintenanceOptions {
  bool compress = true;
  std::string cold_folder;     // closed segments go there; empty: they stay
  std::chrono::hours keep{0};  // older ones are removed; zero: never
};

class Maintenance {
 public:
  // `append` writes a record and waits for it: nothing is removed that the log does not say.
  Maintenance(std::string folder, const MaintenanceOptions& options,
              std::function<Status(std::string)> append);
  ~Maintenance();
  Maintenance(const Maintenance&) = delete;
  Maintenance& operator=(const Maintenance&) = delete;

  // The segment of that first record is being written; all before it are closed.
  void start(uint64_t segment);
  void segment_began(uint64_t segment);

 private:
  void run();
  void pass(uint64_t active);

  const std::string folder_;
  const MaintenanceOptions options_;
  const std::function<Status(std::string)> append_;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t active_ = 0;
  bool work_ = true, stop_ = false;
  std::thread thread_;
};

// One pass over the closed segments: those whose first record is below `active`. Interrupted
// anywhere, it leaves every record readable; a second pass tidies up.
Status pack_closed(const std::string& folder, uint64_t active);
Status move_closed(const std::string& folder, const std::string& cold, uint64_t active);
// Removes what was created before `before_us` (and is followed by a segment that was, too), after a
// record that says so. Returns the number of records removed.
Result<uint64_t> remove_old(const std::string& folder, const std::string& cold, uint64_t active,
                            uint64_t before_us, const std::function<Status(std::string)>& append);

}  // namespace holdfast::audit
