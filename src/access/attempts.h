// Failed attempts to log in, counted by where they come from. Whoever shows a good credential is
// let in all the same: a stranger behind the same address must not be able to lock others out, and
// nobody guesses 256 bits.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace holdfast {

// Thread-safe.
class Attempts {
 public:
  static constexpr int kPerMinute = 20;
  static constexpr size_t kMaxPeers = 4096;  // the memory it takes is bounded

  struct Verdict {
    int64_t retry_after = 0;  // seconds; 0: not limited
    bool record = false;      // worth a record of its own: few enough of it
  };
  // One more failure of `peer`, an address; IPv6 ones count by their first 64 bits.
  Verdict fail(const std::string& peer, int64_t now);

 private:
  struct Count {
    int64_t minute = 0;
    int failures = 0;
  };
  std::mutex mutex_;
  std::map<std::string, Count> peers_;
};

}  // namespace holdfast
