#include "audit/audit_log.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "audit/clock.h"
#include "audit/payload.h"
#include "audit/proof.h"
#include "audit/query.h"
#include "audit/receipt.h"
#include "log_fixture.h"

namespace holdfast::audit {
namespace {

class AuditLogTest : public LogTest {
 protected:
  std::unique_ptr<AuditLog> open_log(std::vector<std::unique_ptr<Sink>> sinks = {},
                                     int sync_ms = 0) {
    AuditOptions audit;
    audit.files = options_;
    audit.sync_interval = std::chrono::milliseconds(sync_ms);
    auto log = AuditLog::open(audit, open_key_file(folder_.file("key")).value(), std::move(sinks),
                              QuickStorage::get());
    if (!log) ADD_FAILURE() << to_string(log.error());
    return log ? std::move(*log) : nullptr;
  }
  std::vector<std::string> all_bodies() const {
    std::vector<std::string> out;
    EXPECT_TRUE(for_each_record({.folders = {options_.folder}}, [&](const Record& record) {
      out.emplace_back(record.body);
      return true;
    }));
    return out;
  }
};

struct SinkState {
  std::atomic<bool> fails{false};
  std::atomic<int> records{0};
  std::atomic<uint64_t> size{0};
};

class TestSink final : public Sink {
 public:
  explicit TestSink(std::shared_ptr<SinkState> state) : state_(std::move(state)) {}
  std::string name() const override { return "test"; }
  Status write(const LogId&, std::span<const Record> records,
               const Checkpoint& checkpoint) override {
    if (state_->fails) return fail(Code::kUnavailable, "nobody listens");
    state_->records += static_cast<int>(records.size());
    state_->size = checkpoint.size;
    return {};
  }

 private:
  std::shared_ptr<SinkState> state_;
};

TEST_F(AuditLogTest, ManyThreadsEachHearOfTheirOwn) {
  constexpr int kThreads = 8, kEach = 200;
  options_.segment_bytes = 20'000;
  {
    auto log = open_log();
    std::vector<std::thread> threads;
    std::atomic<int> good{0};
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          good += log->append_and_wait(fmt::format(R"({{"t":{},"i":{}}})", t, i)).has_value();
        }
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(good, kThreads * kEach);
    EXPECT_EQ(log->size(), static_cast<uint64_t>(kThreads * kEach));
  }
  const VerifyReport report = verify();
  EXPECT_TRUE(report.ok()) << said(report);
  EXPECT_EQ(report.end, static_cast<uint64_t>(kThreads * kEach));
  EXPECT_LE(report.checkpoints, report.end);  // what came together was signed together
  // Each thread's records stand in its order.
  std::vector<int> next(kThreads, 0);
  for (const std::string& body : all_bodies()) {
    int t = 0, i = 0;
    ASSERT_EQ(std::sscanf(body.c_str(), R"({"t":%d,"i":%d})", &t, &i), 2);
    EXPECT_EQ(i, next[static_cast<size_t>(t)]++);
  }
}

TEST_F(AuditLogTest, WhatWaitsIsWrittenAtTheEnd) {
  std::atomic<int> told{0};
  {
    auto log = open_log({}, 1000);
    for (int i = 0; i < 100; ++i) {
      log->append(R"({"event":"x"})", [&](const Status& status) { told += status.has_value(); });
    }
  }
  EXPECT_EQ(told, 100);
  EXPECT_EQ(verify().end, 100u);
}

TEST_F(AuditLogTest, BothSinksOrNone) {
  auto state = std::make_shared<SinkState>();
  std::vector<std::unique_ptr<Sink>> sinks;
  sinks.push_back(std::make_unique<TestSink>(state));
  auto log = open_log(std::move(sinks));
  EXPECT_TRUE(log->append_and_wait(R"({"n":1})"));
  EXPECT_EQ(state->records, 1);
  EXPECT_EQ(state->size, 1u);
  state->fails = true;
  EXPECT_FALSE(log->append_and_wait(R"({"n":2})"));
  EXPECT_FALSE(log->ready());
  state->fails = false;
  EXPECT_TRUE(log->append_and_wait(R"({"n":3})"));
  EXPECT_TRUE(log->ready());
  log.reset();
  EXPECT_TRUE(verify().ok());
}

TEST_F(AuditLogTest, SyslogReconnectsWhenItsDaemonComesBack) {
  const std::string path = folder_.file("syslog");
  const auto daemon = [&] {
    unlink(path.c_str());
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  };
  const auto said_to = [](int fd) {
    std::string all;
    char buffer[65536];
    ssize_t got = 0;
    while ((got = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
      all.append(buffer, static_cast<size_t>(got));
    }
    return all;
  };
  EXPECT_FALSE(open_syslog(path));
  int fd = daemon();
  std::vector<std::unique_ptr<Sink>> sinks;
  sinks.push_back(open_syslog(path).value());
  auto log = open_log(std::move(sinks));
  EXPECT_TRUE(log->append_and_wait(R"({"event":"first","payload":"the prompt itself"})"));
  std::string text = said_to(fd);
  EXPECT_NE(text.find(R"({"event":"first"})"), std::string::npos) << text;
  EXPECT_EQ(text.find("the prompt"), std::string::npos);
  EXPECT_NE(text.find(" checkpoint ["), std::string::npos);
  close(fd);
  EXPECT_FALSE(log->append_and_wait(R"({"event":"lost"})"));
  fd = daemon();
  EXPECT_TRUE(log->append_and_wait(R"({"event":"again"})"));
  EXPECT_NE(said_to(fd).find(R"({"event":"again"})"), std::string::npos);
  close(fd);
}

TEST_F(AuditLogTest, ProofsStandAlone) {
  std::string old_note, receipt = new_receipt();
  {
    auto log = open();
    ASSERT_TRUE(log->append(bodies(0, 5)) && log->sync());
    old_note = checkpoint_note(log->log_id(), signer_->public_key(), log->written().checkpoint);
    ASSERT_TRUE(log->append(std::vector{fmt::format(R"({{"receipt":"{}"}})", receipt)}));
    ASSERT_TRUE(log->append(bodies(6, 7)) && log->sync());
  }
  const std::vector<std::string> folders{options_.folder};
  const Leaves leaves = load_leaves(folders).value();
  const std::vector<PublicKey> trusted{signer_->public_key()};
  for (uint64_t n = 0; n < 13; ++n) {
    const KeptRecord record = find_record(folders, std::to_string(n)).value();
    const std::string proof = inclusion_json(leaves, record).value();
    EXPECT_TRUE(check_proof(proof, trusted));
    EXPECT_FALSE(check_proof(proof, {}));
    for (size_t at = 20; at < proof.size(); at += 37) {
      std::string bad = proof;
      bad[at] = bad[at] == 'a' ? 'b' : 'a';
      EXPECT_FALSE(check_proof(bad, trusted)) << bad;
    }
  }
  EXPECT_EQ(find_receipt(folders, receipt)->number, 5u);
  EXPECT_EQ(find_receipt(folders, new_receipt()).error().code, Code::kNotFound);
  EXPECT_EQ(find_receipt(folders, "hfr_x").error().code, Code::kInvalidArgument);
  const std::string consistency = consistency_json(leaves, old_note).value();
  EXPECT_TRUE(check_proof(consistency, trusted));
  EXPECT_FALSE(consistency_json(leaves, "no note"));
}

TEST(Payload, OpensOnlyWithItsKeyAndContext) {
  const PayloadKeys keys({1, 2, 3}), others({1, 2, 4});
  const std::string text(100'000, 'x');
  const std::string sealed = keys.seal(text, "hfr_1");
  EXPECT_EQ(keys.open(sealed, "hfr_1").value(), text);
  EXPECT_LT(sealed.size(), 1000u);              // compressed before it is encrypted
  EXPECT_NE(sealed, keys.seal(text, "hfr_1"));  // a fresh nonce each time
  EXPECT_FALSE(keys.open(sealed, "hfr_2"));     // another record's
  EXPECT_FALSE(others.open(sealed, "hfr_1"));
  EXPECT_NE(keys.id(), others.id());
  EXPECT_FALSE(keys.open("", "hfr_1"));
  for (size_t at = 0; at < sealed.size(); ++at) {
    std::string bad = sealed;
    bad[at] = bad[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(keys.open(bad, "hfr_1")) << at;
  }
  EXPECT_NE(keys.digest("a").update(text).finish(), keys.digest("b").update(text).finish());
}

TEST(Receipt, HoldsItsTime) {
  const std::string receipt = new_receipt();
  EXPECT_EQ(receipt.size(), 30u);
  const uint64_t time = receipt_time(receipt).value();
  EXPECT_LE(time, now_us());
  EXPECT_GE(time + 60'000'000, now_us());
  EXPECT_NE(receipt, new_receipt());
  EXPECT_FALSE(receipt_time("hfr_"));
  EXPECT_FALSE(receipt_time(receipt.substr(0, 29) + "u"));  // no digit of this alphabet
}

}  // namespace
}  // namespace holdfast::audit
