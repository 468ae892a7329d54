#include "server/job_store.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "base/state_file.h"
#include "server/batch_runner.h"

namespace holdfast {
namespace {

class JobStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "job_store_test_" +
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    open();
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void open() {
    store_.reset();
    auto opened = JobStore::open(folder_);
    ASSERT_TRUE(opened) << to_string(opened.error());
    store_ = std::move(*opened);
  }
  BatchJob make_batch(int64_t lines) {
    BatchJob batch;
    batch.scope = "tenant/a";
    batch.endpoint = "/v1/completions";
    batch.roles = {"user", "other"};
    batch.total = lines;
    return *store_->add_batch(batch);
  }

  std::string folder_;
  std::unique_ptr<JobStore> store_;
};

TEST_F(JobStoreTest, FilesBelongToTheirScope) {
  const auto file = store_->add_file("tenant/a", "x.jsonl", "batch", "content");
  ASSERT_TRUE(file);
  EXPECT_EQ(*store_->content("tenant/a", file->id), "content");
  EXPECT_EQ(store_->content("tenant/b", file->id).error().code, Code::kNotFound);
  EXPECT_EQ(store_->remove_file("tenant/b", file->id).error().code, Code::kNotFound);
  EXPECT_EQ(store_->files("tenant/a")->size(), 1u);
  EXPECT_TRUE(store_->files("tenant/b")->empty());
  EXPECT_EQ(store_->content("tenant/a", "../jobs.db").error().code, Code::kNotFound);
  EXPECT_TRUE(store_->remove_file("tenant/a", file->id));
  EXPECT_EQ(store_->file("tenant/a", file->id).error().code, Code::kNotFound);
}

TEST_F(JobStoreTest, ALinesFirstResultStays) {
  const BatchJob batch = make_batch(2);
  ASSERT_TRUE(store_->add_result(batch.id, 1, true, "second"));
  ASSERT_TRUE(store_->add_result(batch.id, 1, false, "again"));
  open();  // as after a crash
  EXPECT_EQ(*store_->finished_lines(batch.id), std::vector<int64_t>{1});
  EXPECT_EQ(store_->active()->at(0).roles, (std::vector<std::string>{"user", "other"}));
  ASSERT_TRUE(store_->add_result(batch.id, 0, true, "first"));
  ASSERT_TRUE(store_->finish(batch, BatchState::kCompleted, {}));
  const BatchJob done = *store_->batch("tenant/a", batch.id);
  EXPECT_EQ(done.succeeded, 2);
  EXPECT_EQ(done.failed, 0);
  EXPECT_EQ(done.error_file, "");
  EXPECT_EQ(*store_->content("tenant/a", done.output_file), "first\nsecond\n");
  EXPECT_TRUE(store_->active()->empty());
  // It is over: nothing comes behind.
  ASSERT_TRUE(store_->add_result(batch.id, 2, true, "late"));
  ASSERT_TRUE(store_->finish(batch, BatchState::kFailed, "late"));
  EXPECT_EQ(store_->batch("tenant/a", batch.id)->state, BatchState::kCompleted);
  EXPECT_TRUE(store_->finished_lines(batch.id)->empty());
}

TEST_F(JobStoreTest, WhatIsDoneOfACancelledBatchStays) {
  const BatchJob batch = make_batch(2);
  ASSERT_TRUE(store_->add_result(batch.id, 0, false, "wrong"));
  EXPECT_EQ(store_->cancel("tenant/b", batch.id).error().code, Code::kNotFound);
  const BatchJob cancelled = *store_->cancel("tenant/a", batch.id);
  EXPECT_EQ(cancelled.state, BatchState::kCancelled);
  EXPECT_EQ(*store_->content("tenant/a", cancelled.error_file), "wrong\n");
}

TEST_F(JobStoreTest, ACrashLeavesNoStrays) {
  const std::string stray = folder_ + "/files/file-stray";
  ASSERT_TRUE(write_state_file(stray, "x", Access::kOwner));
  const auto kept = store_->add_file("tenant/a", "x", "batch", "content");
  open();
  EXPECT_FALSE(std::filesystem::exists(stray));
  EXPECT_TRUE(store_->content("tenant/a", kept->id));
}

TEST_F(JobStoreTest, OneServerAtATime) {
  EXPECT_EQ(JobStore::open(folder_).error().code, Code::kUnavailable);
}

TEST(BatchInput, ReadsLines) {
  const auto lines = parse_batch_input(
      "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/x\",\"body\":{\"model\":\"m\"}}\n\n"
      "{\"custom_id\":\"b\",\"body\":{}}\r\n",
      "/v1/x");
  ASSERT_TRUE(lines) << lines.error().message;
  ASSERT_EQ(lines->size(), 2u);
  EXPECT_EQ(lines->at(0).body, R"({"model":"m"})");
}

TEST(BatchInput, NamesTheLineThatIsWrong) {
  const std::string good = "{\"custom_id\":\"a\",\"body\":{}}\n";
  for (const char* bad : {"{", "[]", "{\"custom_id\":\"b\"}", "{\"custom_id\":\"\",\"body\":{}}",
                          "{\"custom_id\":\"a\",\"body\":{}}", "{\"custom_id\":\"b\",\"body\":5}",
                          "{\"custom_id\":\"b\",\"body\":{},\"url\":\"/other\"}",
                          "{\"custom_id\":\"b\",\"body\":{},\"method\":\"GET\"}"}) {
    const auto lines = parse_batch_input(good + bad, "/v1/x");
    ASSERT_FALSE(lines) << bad;
    EXPECT_NE(lines.error().message.find("Line 2 "), std::string::npos) << lines.error().message;
  }
  EXPECT_FALSE(parse_batch_input("\n\n", "/v1/x"));
}

}  // namespace
}  // namespace holdfast
