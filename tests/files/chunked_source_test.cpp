#include "files/chunked_source.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/paged_bytes.h"
#include "temporary_folder.h"

namespace holdfast {
namespace {

constexpr uint64_t kSize = 200 * kSourceChunk + 12345;

std::byte expected(uint64_t offset) { return static_cast<std::byte>((offset * 2654435761u) >> 13); }

// Made-up bytes; one chunk may be wrong.
class Made final : public ChunkReader {
 public:
  const std::string& name() const override { return name_; }
  uint64_t size() const override { return kSize; }
  Status read_chunk(uint64_t chunk, std::span<std::byte> out) const override {
    ++reads;
    if (static_cast<int64_t>(chunk) == wrong) return fail(Code::kCorrupt, "wrong", "chunk");
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = expected(chunk * kSourceChunk + i);
    return {};
  }
  void will_read(uint64_t, uint64_t) const override {}

  mutable std::atomic<int> reads{0};
  int64_t wrong = -1;

 private:
  std::string name_ = "made";
};

void check(std::span<const std::byte> all, uint64_t begin, uint64_t end) {
  for (uint64_t i = begin; i < end; i += 997) ASSERT_EQ(all[i], expected(i)) << i;
}

TEST(ChunkedSource, PinnedBytesStayAndOthersComeAgain) {
  const auto made = std::make_shared<Made>();
  const auto source = chunked_source(made).value();
  const auto all = *source->map();
  ASSERT_EQ(all.size(), kSize);
  const auto kept = all.subspan(100, 3 * kSourceChunk);
  ASSERT_TRUE(fetch_bytes(kept));
  // Far more than may stay idle, twice.
  for (int round = 0; round < 2; ++round) {
    for (uint64_t at = 0; at < kSize; at += 700000) {
      const auto some = all.subspan(at, std::min<uint64_t>(700000, kSize - at));
      ASSERT_TRUE(fetch_bytes(some));
      check(all, at, at + some.size());
      unpin_bytes(some);
    }
  }
  check(all, 100, 100 + kept.size());
  EXPECT_LT(made->reads, 2 * 201 + 4);  // neighbours share what they read
}

TEST(ChunkedSource, ManyThreads) {
  const auto made = std::make_shared<Made>();
  const auto source = chunked_source(made).value();
  const auto all = *source->map();
  pin_bytes(all);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t at = static_cast<uint64_t>(t) * 300000; at < kSize; at += 1200000) {
        const auto some = all.subspan(at, std::min<uint64_t>(300000, kSize - at));
        ASSERT_TRUE(load_bytes(some));
        check(all, at, at + some.size());
        unpin_bytes(some);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(ChunkedSource, AWrongChunkFails) {
  const auto made = std::make_shared<Made>();
  made->wrong = 5;
  const auto source = chunked_source(made).value();
  const auto all = *source->map();
  EXPECT_TRUE(fetch_bytes(all.first(5 * kSourceChunk)));
  EXPECT_EQ(fetch_bytes(all.subspan(5 * kSourceChunk - 1, 2)).error().code, Code::kCorrupt);
  EXPECT_EQ(fetch_bytes(all.subspan(5 * kSourceChunk + 1, 2)).error().code, Code::kCorrupt);
  std::vector<std::byte> out(10);
  EXPECT_EQ(source->read(5 * kSourceChunk, out).error().code, Code::kCorrupt);
  EXPECT_TRUE(source->read(6 * kSourceChunk, out));
  EXPECT_EQ(out[3], expected(6 * kSourceChunk + 3));
}

TEST(ChunkedSourceDeathTest, WhatWasNotLoadedCannotBeRead) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto source = chunked_source(std::make_shared<Made>()).value();
  const auto all = *source->map();
  EXPECT_DEATH(
      {
        volatile std::byte b = all[kSourceChunk];
        (void)b;
      },
      "");
}

TEST(ChunkedSource, PlainChunks) {
  const TemporaryFolder folder;
  std::string content(3 * kSourceChunk + 7, 'x');
  content[2 * kSourceChunk] = 'y';
  std::ofstream(folder.file("a"), std::ios::binary) << content;
  const auto source = chunked_source(plain_chunks(folder.file("a")).value()).value();
  std::string out(content.size(), '\0');
  ASSERT_TRUE(source->read(0, std::as_writable_bytes(std::span(out))));
  EXPECT_EQ(out, content);
  EXPECT_EQ(source->read(1, std::as_writable_bytes(std::span(out))).error().code,
            Code::kInvalidArgument);
  EXPECT_EQ(plain_chunks(folder.file("b")).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace holdfast
