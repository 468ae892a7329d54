#include "audit/log_writer.h"

#include "audit/maintenance.h"
#include "audit/query.h"
#include "log_fixture.h"

namespace holdfast::audit {
namespace {

TEST_F(LogTest, ANewLogIsWhole) {
  auto log = open();
  ASSERT_TRUE(log->append(bodies(0, 3)) && log->sync());
  ASSERT_TRUE(log->append(bodies(3, 1)) && log->sync());
  const VerifyReport report = verify();
  EXPECT_TRUE(report.ok()) << said(report);
  EXPECT_EQ(report.end, 4u);
  EXPECT_EQ(report.segments, 1u);
  EXPECT_EQ(report.checkpoints, 2u);
  EXPECT_EQ(report.last->size, 4u);
}

TEST_F(LogTest, GoesOnWhereItStopped) {
  for (uint64_t i = 0; i < 5; ++i) {
    auto log = open();
    EXPECT_EQ(log->size(), 2 * i);
    EXPECT_FALSE(log->recovery());
    ASSERT_TRUE(log->append(bodies(2 * i, 2)) && log->sync());
  }
  const VerifyReport report = verify();
  EXPECT_TRUE(report.ok()) << said(report);
  EXPECT_EQ(report.end, 10u);
}

TEST_F(LogTest, OneServerWritesALog) {
  auto log = open();
  const auto second = LogWriter::open(options_, *signer_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kUnavailable);
  EXPECT_NE(second.error().message.find("another server"), std::string::npos);
}

TEST_F(LogTest, ManySegmentsInAnyForm) {
  options_.segment_bytes = 2000;
  uint64_t n = 0;
  {
    auto log = open();
    for (int i = 0; i < 40; ++i, n += 3) ASSERT_TRUE(log->append(bodies(n, 3)) && log->sync());
    EXPECT_GT(log->segment_first(), 0u);
    ASSERT_TRUE(pack_closed(options_.folder, log->segment_first()));
  }
  const VerifyReport report = verify();
  EXPECT_TRUE(report.ok()) << said(report);
  EXPECT_EQ(report.end, n);
  EXPECT_GT(report.segments, 5u);
  // Packed, and only the newest plain.
  const auto files = list_segments({options_.folder}).value();
  for (const SegmentFile& file : files) EXPECT_EQ(file.packed, &file != &files.back());
  // Moved in part; the bodies are what they were.
  ASSERT_TRUE(move_closed(options_.folder, folder_.file("cold"), files[3].first));
  uint64_t seen = 0;
  ASSERT_TRUE(for_each_record({.folders = {options_.folder, folder_.file("cold")}},
                              [&](const Record& record) {
                                EXPECT_EQ(record.body, bodies(seen, 1)[0]);
                                EXPECT_EQ(record.number, seen++);
                                return true;
                              }));
  EXPECT_EQ(seen, n);
  VerifyOptions both{.folders = {options_.folder, folder_.file("cold")},
                     .trusted = {signer_->public_key()},
                     .expect = head()};
  EXPECT_TRUE(verify_log(both)->ok());
  EXPECT_FALSE(verify(false).ok());  // without the cold disk records are missing
}

TEST_F(LogTest, OldSegmentsGoOnlyWithARecord) {
  options_.segment_bytes = 1000;
  auto log = open();
  for (uint64_t n = 0; n < 60; ++n) ASSERT_TRUE(log->append(bodies(n, 1)) && log->sync());
  const auto append = [&](std::string body) -> Status {
    RETURN_IF_ERROR(log->append(std::vector<std::string>{std::move(body)}));
    return log->sync();
  };
  ASSERT_TRUE(pack_closed(options_.folder, log->segment_first()));
  const auto none = remove_old(options_.folder, {}, log->segment_first(), 1000, append);
  EXPECT_EQ(none.value(), 0u);
  const auto removed = remove_old(options_.folder, {}, log->segment_first(), UINT64_MAX, append);
  ASSERT_TRUE(removed);
  EXPECT_EQ(*removed, log->segment_first());
  VerifyReport report = verify();
  EXPECT_TRUE(report.ok()) << said(report);
  EXPECT_EQ(report.first, *removed);
  EXPECT_EQ(report.end, 61u);
  // Proofs for what is left need nothing of what is gone.
  const Leaves leaves = load_leaves({options_.folder}).value();
  EXPECT_EQ(leaves.leaves.first(), *removed);
  EXPECT_EQ(leaves.leaves.root(61), leaves.last->root);
  const auto proof = leaves.leaves.inclusion(*removed, 61);
  EXPECT_TRUE(
      verify_inclusion(*removed, 61, leaves.leaves.leaf(*removed), proof, leaves.last->root));
}

TEST_F(LogTest, SegmentsThatVanishWithoutARecordAreMissed) {
  options_.segment_bytes = 1000;
  {
    auto log = open();
    for (uint64_t n = 0; n < 60; ++n) ASSERT_TRUE(log->append(bodies(n, 1)) && log->sync());
  }
  const auto files = list_segments({options_.folder}).value();
  ASSERT_GT(files.size(), 4u);
  const std::string moved = folder_.file("moved");
  for (size_t i = 0; i < files.size(); ++i) {
    std::filesystem::rename(files[i].path, moved);
    const VerifyReport report = verify();
    ASSERT_FALSE(report.ok()) << i;
    EXPECT_EQ(report.bad[0].record, files[i].first);
    std::filesystem::rename(moved, files[i].path);
  }
  EXPECT_TRUE(verify().ok());
}

TEST_F(LogTest, ATornEndIsPutAside) {
  {
    auto log = open();
    ASSERT_TRUE(log->append(bodies(0, 5)) && log->sync());
  }
  const std::string path = list_segments({options_.folder})->back().path;
  const std::string whole = read_file(path);
  std::string more = whole;
  Record torn{5, 1, "{}", {}};
  append_record(torn, more);
  for (size_t size = whole.size() + 1; size <= more.size(); size += 7) {
    write_file(path, more.substr(0, size));
    EXPECT_FALSE(verify().ok());
    auto log = open();
    ASSERT_TRUE(log->recovery());
    EXPECT_EQ(log->recovery()->cut_bytes, size - whole.size());
    EXPECT_EQ(read_file(log->recovery()->kept_as), more.substr(whole.size(), size - whole.size()));
    EXPECT_EQ(log->size(), 5u);
    EXPECT_EQ(read_file(path), whole);
    EXPECT_TRUE(verify().ok());
  }
}

TEST_F(LogTest, AcknowledgedRecordsThatAreGoneStopTheServer) {
  std::string before;
  std::string path;
  {
    auto log = open();
    ASSERT_TRUE(log->append(bodies(0, 5)) && log->sync());
    path = list_segments({options_.folder})->back().path;
    before = read_file(path);
    ASSERT_TRUE(log->append(bodies(5, 5)) && log->sync());
  }
  const std::string whole = read_file(path);
  write_file(path, before);  // an older version, good in itself
  EXPECT_TRUE(verify(false).ok());
  EXPECT_FALSE(verify(true).ok());
  auto log = LogWriter::open(options_, *signer_);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, Code::kCorrupt);
  EXPECT_NE(log.error().message.find("10 were acknowledged"), std::string::npos);

  std::filesystem::remove(path);
  log = LogWriter::open(options_, *signer_);
  ASSERT_FALSE(log);
  EXPECT_NE(log.error().message.find("is gone"), std::string::npos);

  write_file(path, whole);
  EXPECT_TRUE(LogWriter::open(options_, *signer_));
}

TEST_F(LogTest, ANewKeyBeginsANewSegment) {
  {
    auto log = open();
    ASSERT_TRUE(log->append(bodies(0, 5)) && log->sync());
  }
  const PublicKey old_key = signer_->public_key();
  signer_ = open_or_create_key_file(folder_.file("key2")).value();
  {
    auto log = open();
    ASSERT_TRUE(log->append(bodies(5, 5)) && log->sync());
  }
  EXPECT_FALSE(verify().ok());  // trusts the new key only
  VerifyOptions both{
      .folders = {options_.folder}, .trusted = {old_key, signer_->public_key()}, .expect = head()};
  const auto report = verify_log(both);
  EXPECT_TRUE(report->ok()) << said(*report);
  EXPECT_EQ(report->end, 10u);
  EXPECT_EQ(report->keys.size(), 2u);
}

}  // namespace
}  // namespace holdfast::audit
