// Faults at every point: what was acknowledged stays, and the log always verifies.
#include <csignal>
#include <set>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "audit/audit_log.h"
#include "audit/query.h"
#include "log_fixture.h"

namespace holdfast::audit {
namespace {

class FaultTest : public LogTest {
 protected:
  // Appends ten batches through whatever faults come; the bodies that were acknowledged.
  std::set<std::string> work(LogWriter& log, uint64_t from) {
    std::set<std::string> acknowledged;
    for (uint64_t i = 0; i < 10; ++i) {
      const auto batch = bodies(from + 2 * i, 2);
      if (log.append(batch) && log.sync()) acknowledged.insert(batch.begin(), batch.end());
    }
    return acknowledged;
  }
  std::set<std::string> present() const {
    std::set<std::string> out;
    const auto status = for_each_record({.folders = {options_.folder}}, [&](const Record& record) {
      EXPECT_TRUE(out.insert(std::string(record.body)).second) << "twice: " << record.body;
      return true;
    });
    EXPECT_TRUE(status) << to_string(status.error());
    return out;
  }
  void expect_all(const std::set<std::string>& acknowledged) const {
    const auto there = present();
    for (const std::string& body : acknowledged) EXPECT_TRUE(there.contains(body)) << body;
  }
  void start_anew() {
    std::filesystem::remove_all(options_.folder);
    std::filesystem::remove(options_.head_file);
  }
};

TEST_F(FaultTest, OneFaultAtEachCallInTurn) {
  options_.segment_bytes = 1200;  // several segments begin on the way
  uint64_t calls = 0;
  {
    FaultyStorage storage;
    auto log = open(storage);
    work(*log, 0);
    calls = storage.calls;
  }
  ASSERT_GT(calls, 30u);
  for (uint64_t n = 0; n < calls; ++n) {
    SCOPED_TRACE(n);
    start_anew();
    FaultyStorage storage;
    storage.fail_from = n;
    std::set<std::string> acknowledged;
    if (auto log = LogWriter::open(options_, *signer_, storage)) {
      acknowledged = work(**log, 0);
      // One fault costs one batch at most: the next call puts the file right.
      EXPECT_GE(acknowledged.size(), 18u);
    }
    auto log = open();
    acknowledged.merge(work(*log, 100));
    log.reset();
    const VerifyReport report = verify();
    EXPECT_TRUE(report.ok()) << said(report);
    expect_all(acknowledged);
  }
}

TEST_F(FaultTest, EverythingFailsFromTheNthCallOn) {
  options_.segment_bytes = 1200;
  for (uint64_t n = 0; n < 60; ++n) {
    SCOPED_TRACE(n);
    start_anew();
    FaultyStorage storage;
    storage.fail_from = n;
    storage.failures = UINT64_MAX;
    std::set<std::string> acknowledged;
    if (auto log = LogWriter::open(options_, *signer_, storage)) acknowledged = work(**log, 0);
    auto log = open();
    acknowledged.merge(work(*log, 100));
    log.reset();
    const VerifyReport report = verify();
    EXPECT_TRUE(report.ok()) << said(report);
    expect_all(acknowledged);
  }
}

// A child appends and tells each acknowledgement through a pipe, until it is killed.
TEST_F(FaultTest, KilledAtRandomMoments) {
  options_.segment_bytes = 3000;
  std::set<std::string> acknowledged;
  uint64_t next = 0;
  for (int round = 0; round < 25; ++round) {
    SCOPED_TRACE(round);
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      close(ends[0]);
      auto log = LogWriter::open(options_, *signer_, QuickStorage::get());
      for (uint64_t i = next; log; i += 3) {
        if (!(*log)->append(bodies(i, 3)) || !(*log)->sync()) break;
        if (write(ends[1], &i, sizeof(i)) != sizeof(i)) break;
      }
      _exit(1);
    }
    close(ends[1]);
    uint64_t i = 0;
    // At least one batch, then wherever the clock finds it.
    ASSERT_EQ(read(ends[0], &i, sizeof(i)), static_cast<ssize_t>(sizeof(i)));
    std::this_thread::sleep_for(std::chrono::microseconds(round * 731 % 5000));
    kill(child, SIGKILL);
    do {
      for (auto& body : bodies(i, 3)) acknowledged.insert(std::move(body));
      next = i + 3;
    } while (read(ends[0], &i, sizeof(i)) == static_cast<ssize_t>(sizeof(i)));
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    next += 1000;  // what it wrote last may be in the log although it could not say so
    { auto log = open(); }
    const VerifyReport report = verify();
    ASSERT_TRUE(report.ok()) << said(report);
  }
  expect_all(acknowledged);
}

TEST_F(FaultTest, AFullDiskIsToldAndForgottenWhenThereIsRoom) {
  FaultyStorage storage;
  AuditOptions audit;
  audit.files = options_;
  auto log = AuditLog::open(audit, open_key_file(folder_.file("key")).value(), {}, storage).value();
  EXPECT_TRUE(log->ready());
  EXPECT_TRUE(log->append_and_wait(R"({"n":1})"));
  storage.fail_from = storage.calls;
  storage.failures = UINT64_MAX;
  const Status failed = log->append_and_wait(R"({"n":2})");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::kResourceExhausted);
  EXPECT_FALSE(log->ready());
  EXPECT_FALSE(log->append_and_wait(R"({"n":3})"));
  storage.failures = 0;
  EXPECT_TRUE(log->append_and_wait(R"({"n":4})"));
  EXPECT_TRUE(log->ready());
  // Nearly full: what runs still gets its record, what is new is refused, and nothing is written on
  // behalf of those who only ask.
  storage.full = true;
  EXPECT_TRUE(log->append_and_wait(R"({"n":5})"));
  const uint64_t size = log->size();
  EXPECT_FALSE(log->ready());
  EXPECT_FALSE(log->ready());
  EXPECT_EQ(log->size(), size);
  storage.full = false;
  std::this_thread::sleep_for(std::chrono::milliseconds(250));
  EXPECT_TRUE(log->ready());
  log.reset();
  EXPECT_TRUE(verify().ok());
  const auto there = present();
  EXPECT_TRUE(there.contains(R"({"n":1})") && there.contains(R"({"n":4})"));
  EXPECT_FALSE(there.contains(R"({"n":3})"));
}

}  // namespace
}  // namespace holdfast::audit
