// How much everybody has used, and whether there is some left. In memory, with the changes written
// to the database by whoever calls flush().
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "access/database.h"
#include "access/policy.h"

namespace holdfast {

enum class Measure { kRequests, kTokens, kReasoningTokens };

struct QuotaRefusal {
  std::string message;      // "anna has used 60 of 60 requests this minute"
  int64_t retry_after = 1;  // seconds
};

// What is left of a limit.
struct Allowance {
  int64_t limit = 0, remaining = 0;
  int64_t reset_seconds = 0;  // until it is whole again
};
// Of two, the one that is used up first.
std::optional<Allowance> scarcer(std::optional<Allowance> a, std::optional<Allowance> b);

// Thread-safe.
class UsageBook {
 public:
  Status load(Database& database);   // makes its table where missing
  Status flush(Database& database);  // what changed since the last time

  // Takes a place and counts a request, or says what is used up. `subject` is "user/…" or
  // "tenant/…", `who` it is for people. release() gives the place back.
  std::optional<QuotaRefusal> enter(const std::string& subject, std::string_view who,
                                    const Quota& quota, int64_t now);
  // Takes back what enter() did: another limit refused the request.
  void undo(const std::string& subject, int64_t now);
  void release(const std::string& subject);
  void add(const std::string& subject, Measure measure, int64_t amount, int64_t now);

  // What the current windows hold.
  struct Used {
    int64_t minute = 0, day = 0, month = 0;
  };
  Used used(const std::string& subject, Measure measure, int64_t now);
  // Of the quota's limits of that measure, the one of which least is left; none: no limit.
  std::optional<Allowance> allowance(const std::string& subject, Measure measure,
                                     const Quota& quota, int64_t now);

 private:
  struct Window {
    int64_t start = 0, value = 0;
    bool changed = false;
  };
  struct Account {
    std::array<std::array<Window, 3>, 3> windows;  // [measure][minute, day, month]
    int64_t running = 0;
  };

  Window& window(Account& account, size_t measure, size_t span, int64_t now);

  std::mutex mutex_;
  std::map<std::string, Account> accounts_;
};

// The start of the UTC minute, day or month (span 0 to 2) that holds `now`, and of the next one.
int64_t window_start(size_t span, int64_t now);
int64_t next_window(size_t span, int64_t now);

}  // namespace holdfast
