#include "access/usage_book.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include <fmt/format.h>

namespace holdfast {

namespace {

constexpr int64_t kMinute = 60, kDay = 24 * 60 * 60;
constexpr std::string_view kMeasures[] = {"requests", "tokens", "reasoning tokens"};
constexpr std::string_view kSpans[] = {"minute", "day", "month"};

std::chrono::year_month_day date_of(int64_t now) {
  return std::chrono::sys_days(std::chrono::days(now / kDay));
}

int64_t seconds_of(std::chrono::year_month_day date) {
  return std::chrono::sys_days(date).time_since_epoch().count() * kDay;
}

const std::optional<int64_t>& limit_of(const Quota& quota, size_t measure, size_t span) {
  const Quota::Windows& windows = measure == 0   ? quota.requests
                                  : measure == 1 ? quota.tokens
                                                 : quota.reasoning_tokens;
  return span == 0 ? windows.minute : span == 1 ? windows.day : windows.month;
}

}  // namespace

int64_t window_start(size_t span, int64_t now) {
  if (span == 0) return now - now % kMinute;
  if (span == 1) return now - now % kDay;
  const auto date = date_of(now);
  return seconds_of(date.year() / date.month() / std::chrono::day(1));
}

int64_t next_window(size_t span, int64_t now) {
  if (span == 0) return window_start(0, now) + kMinute;
  if (span == 1) return window_start(1, now) + kDay;
  const auto date = date_of(now);
  return seconds_of((date.year() / date.month() + std::chrono::months(1)) / std::chrono::day(1));
}

UsageBook::Window& UsageBook::window(Account& account, size_t measure, size_t span, int64_t now) {
  Window& window = account.windows[measure][span];
  // A clock set back does not empty a window.
  if (const int64_t start = window_start(span, now); start > window.start)
    window = {start, 0, true};
  return window;
}

std::optional<QuotaRefusal> UsageBook::enter(const std::string& subject, std::string_view who,
                                             const Quota& quota, int64_t now) {
  const std::lock_guard lock(mutex_);
  Account& account = accounts_[subject];
  if (quota.concurrency && account.running >= *quota.concurrency) {
    return QuotaRefusal{fmt::format("{} has {} of {} requests running at once", who,
                                    account.running, *quota.concurrency),
                        1};
  }
  std::optional<QuotaRefusal> refusal;
  for (size_t measure = 0; measure < 3; ++measure) {
    for (size_t span = 0; span < 3; ++span) {
      const auto& limit = limit_of(quota, measure, span);
      const int64_t value = window(account, measure, span, now).value;
      if (!limit || value < *limit) continue;
      // The window that opens last is the one to wait for.
      refusal = QuotaRefusal{
          fmt::format("{} has used {} of {} {} this {}", who, value, *limit, kMeasures[measure],
                      kSpans[span]),
          std::max<int64_t>({1, next_window(span, now) - now, refusal ? refusal->retry_after : 0})};
    }
  }
  if (refusal) return refusal;
  ++account.running;
  for (size_t span = 0; span < 3; ++span) {
    Window& requests = window(account, 0, span, now);
    ++requests.value;
    requests.changed = true;
  }
  return std::nullopt;
}

void UsageBook::undo(const std::string& subject, int64_t now) {
  const std::lock_guard lock(mutex_);
  Account& account = accounts_[subject];
  --account.running;
  for (size_t span = 0; span < 3; ++span) {
    Window& requests = window(account, 0, span, now);
    requests.value = std::max<int64_t>(0, requests.value - 1);
    requests.changed = true;
  }
}

void UsageBook::release(const std::string& subject) {
  const std::lock_guard lock(mutex_);
  --accounts_[subject].running;
}

void UsageBook::add(const std::string& subject, Measure measure, int64_t amount, int64_t now) {
  if (amount <= 0) return;
  const std::lock_guard lock(mutex_);
  Account& account = accounts_[subject];
  for (size_t span = 0; span < 3; ++span) {
    Window& used = window(account, static_cast<size_t>(measure), span, now);
    used.value += amount;
    used.changed = true;
  }
}

UsageBook::Used UsageBook::used(const std::string& subject, Measure measure, int64_t now) {
  const std::lock_guard lock(mutex_);
  Account& account = accounts_[subject];
  const auto m = static_cast<size_t>(measure);
  return {window(account, m, 0, now).value, window(account, m, 1, now).value,
          window(account, m, 2, now).value};
}

std::optional<Allowance> scarcer(std::optional<Allowance> a, std::optional<Allowance> b) {
  if (!a || !b) return a ? a : b;
  const auto share = [](const Allowance& left) {
    return static_cast<double>(left.remaining) /
           static_cast<double>(std::max<int64_t>(1, left.limit));
  };
  return share(*b) < share(*a) ? b : a;
}

std::optional<Allowance> UsageBook::allowance(const std::string& subject, Measure measure,
                                              const Quota& quota, int64_t now) {
  const std::lock_guard lock(mutex_);
  Account& account = accounts_[subject];
  std::optional<Allowance> least;
  for (size_t span = 0; span < 3; ++span) {
    const auto& limit = limit_of(quota, static_cast<size_t>(measure), span);
    if (!limit) continue;
    const int64_t value = window(account, static_cast<size_t>(measure), span, now).value;
    least = scarcer(least, Allowance{*limit, std::max<int64_t>(0, *limit - value),
                                     std::max<int64_t>(1, next_window(span, now) - now)});
  }
  return least;
}

Status UsageBook::load(Database& database) {
  RETURN_IF_ERROR(database.run(
      "CREATE TABLE IF NOT EXISTS usage (subject TEXT NOT NULL, measure INTEGER NOT NULL, span "
      "INTEGER NOT NULL, start INTEGER NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (subject, "
      "measure, span)) STRICT, WITHOUT ROWID"));
  ASSIGN_OR_RETURN(Statement row,
                   database.prepare("SELECT subject, measure, span, start, value FROM usage"));
  const std::lock_guard lock(mutex_);
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, row.step());
    if (!more) return {};
    const int64_t measure = row.integer(1), span = row.integer(2);
    if (measure < 0 || measure > 2 || span < 0 || span > 2) continue;
    accounts_[row.text(0)].windows[static_cast<size_t>(measure)][static_cast<size_t>(span)] = {
        row.integer(3), row.integer(4), false};
  }
}

Status UsageBook::flush(Database& database) {
  struct Row {
    std::string subject;
    int64_t measure, span, start, value;
  };
  std::vector<Row> rows;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [subject, account] : accounts_) {
      for (size_t measure = 0; measure < 3; ++measure) {
        for (size_t span = 0; span < 3; ++span) {
          Window& w = account.windows[measure][span];
          if (!w.changed) continue;
          w.changed = false;
          rows.push_back({subject, static_cast<int64_t>(measure), static_cast<int64_t>(span),
                          w.start, w.value});
        }
      }
    }
  }
  if (rows.empty()) return {};
  const auto write = [&]() -> Status {
    RETURN_IF_ERROR(database.run("BEGIN IMMEDIATE"));
    for (const Row& row : rows) {
      ASSIGN_OR_RETURN(
          Statement statement,
          database.prepare("INSERT INTO usage VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE "
                           "SET start = excluded.start, value = excluded.value"));
      RETURN_IF_ERROR(statement.bind(row.subject)
                          .bind(row.measure)
                          .bind(row.span)
                          .bind(row.start)
                          .bind(row.value)
                          .run());
    }
    return database.run("COMMIT");
  };
  Status written = write();
  if (written) return {};
  (void)database.run("ROLLBACK");
  const std::lock_guard lock(mutex_);  // they are still to be written
  for (const Row& row : rows) {
    accounts_[row.subject]
        .windows[static_cast<size_t>(row.measure)][static_cast<size_t>(row.span)]
        .changed = true;
  }
  return written;
}

}  // namespace holdfast
