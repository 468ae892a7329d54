// 10,000 ways to change a log, one at a time: all are found.
#include <algorithm>
#include <map>
#include <random>

#include "audit/maintenance.h"
#include "log_fixture.h"

namespace holdfast::audit {
namespace {

using Files = std::map<std::string, std::string>;  // by name

Files read_folder(const std::string& folder) {
  Files out;
  const auto files = list_segments({folder}).value();
  for (const SegmentFile& file : files) {
    out[std::filesystem::path(file.path).filename().string()] = read_file(file.path);
  }
  return out;
}

class TamperingTest : public LogTest {
 protected:
  static constexpr uint64_t kRecords = 30;

  // A log of several segments, the older ones packed, in `versions` older versions of itself.
  Files make(const std::string& name, std::vector<Files>* versions) {
    options_.folder = folder_.file(name);
    options_.head_file = folder_.file(name + "-head");
    options_.segment_bytes = 1200;
    auto log = open();
    for (uint64_t n = 0; n < kRecords; n += 5) {
      EXPECT_TRUE(log->append(bodies(n, 5)) && log->sync());
      if (n == 15) {
        EXPECT_TRUE(pack_closed(options_.folder, log->segment_first()));
      }
      if (versions != nullptr && n + 5 < kRecords)
        versions->push_back(read_folder(options_.folder));
    }
    return read_folder(options_.folder);
  }

  // Only what differs from what is there is written.
  void put(const Files& files) {
    for (const auto& [name, bytes] : current_) {
      if (!files.contains(name)) std::filesystem::remove(folder_.file("log") + "/" + name);
    }
    for (const auto& [name, bytes] : files) {
      const auto old = current_.find(name);
      if (old == current_.end() || old->second != bytes) {
        write_file(folder_.file("log") + "/" + name, bytes);
      }
    }
    current_ = files;
  }

  // `files` is `whole` and more: the plain twins of packed segments.
  static bool only_adds(const Files& files, const Files& whole) {
    return std::all_of(whole.begin(), whole.end(), [&](const auto& file) {
      const auto it = files.find(file.first);
      return it != files.end() && it->second == file.second;
    });
  }
  VerifyReport verify_at_head() const {
    return verify_log({.folders = {folder_.file("log")},
                       .trusted = {signer_->public_key()},
                       .expect = head("log-head"),
                       .threads = 1})
        .value();
  }

  size_t below(size_t end) { return std::uniform_int_distribution<size_t>(0, end - 1)(random_); }
  std::string& any(Files& files) {
    return std::next(files.begin(), static_cast<std::ptrdiff_t>(below(files.size())))->second;
  }

  // One random change; may leave the files as they are.
  std::string change(Files& files) {
    std::string& file = any(files);
    switch (below(10)) {
      case 0:
      case 1:
      case 2:
      case 3:
        file[below(file.size())] ^= static_cast<char>(1 << below(8));
        return "flip";
      case 4:
        file.resize(below(file.size()));
        return "cut";
      case 5: {
        const size_t at = below(file.size());
        file.erase(at, 1 + below(std::min<size_t>(200, file.size() - at)));
        return "cut out";
      }
      case 6: {  // two pieces, or two files, trade places
        std::string& other = any(files);
        if (below(2) == 0 || &other == &file) {
          const size_t size = 1 + below(file.size() / 4), a = below(file.size() - 2 * size),
                       b = a + size + below(file.size() - 2 * size - a);
          std::swap_ranges(file.begin() + static_cast<std::ptrdiff_t>(a),
                           file.begin() + static_cast<std::ptrdiff_t>(a + size),
                           file.begin() + static_cast<std::ptrdiff_t>(b));
        } else {
          std::swap(file, other);
        }
        return "swap";
      }
      case 7: {  // a piece of another log under the same key, or a whole file of it
        std::string& other = any(other_);
        if (below(4) == 0) {
          file = other;
        } else {
          const size_t from = below(other.size()), size = 1 + below(other.size() - from);
          file.replace(below(file.size()), below(2) * size, other.substr(from, size));
        }
        return "splice";
      }
      case 8: {
        const Files& old = versions_[below(versions_.size())];
        if (below(2) == 0) {
          files = old;
        } else {  // one file as it was
          const auto& [name, bytes] =
              *std::next(old.begin(), static_cast<std::ptrdiff_t>(below(old.size())));
          files[name] = bytes;
        }
        return "replay";
      }
      default:
        if (below(2) == 0) {
          file += file.substr(below(file.size()));
          return "say twice";
        }
        files.erase(std::next(files.begin(), static_cast<std::ptrdiff_t>(below(files.size()))));
        return "remove";
    }
  }

  std::mt19937_64 random_{7};
  Files other_, current_;
  std::vector<Files> versions_;
};

TEST_F(TamperingTest, TenThousandChangesAreFound) {
  other_ = make("other", nullptr);
  const Files whole = current_ = make("log", &versions_);
  ASSERT_GE(whole.size(), 3u);
  ASSERT_TRUE(verify_at_head().ok());
  std::map<std::string, int> found;
  for (int n = 0; n < 10'000;) {
    Files files = whole;
    const std::string how = change(files);
    if (files == whole) continue;
    // Both forms of a segment are no change to the log: what a crash while packing leaves.
    if (how == "replay" && only_adds(files, whole)) continue;
    put(files);
    const VerifyReport report = verify_at_head();
    ASSERT_FALSE(report.ok()) << how << ", change " << n;
    ++found[how];
    ++n;
  }
  put(whole);
  EXPECT_TRUE(verify_at_head().ok());
  for (const auto& [how, count] : found) RecordProperty(how, count);
}

TEST_F(TamperingTest, TheFirstBadRecordIsNamed) {
  options_.folder = folder_.file("log");
  auto log = open();
  for (uint64_t n = 0; n < 12; n += 3) ASSERT_TRUE(log->append(bodies(n, 3)) && log->sync());
  const std::string path = list_segments({options_.folder})->back().path;
  const std::string whole = read_file(path);
  for (uint64_t n = 0; n < 12; ++n) {
    std::string bytes = whole;
    const size_t at = bytes.find(fmt::format(R"("n":{},)", n));
    ASSERT_NE(at, std::string::npos);
    bytes[at] ^= 1;
    write_file(path, bytes);
    const VerifyReport report = verify();
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.bad[0].record, n) << said(report);
    EXPECT_EQ(report.end, n / 3 * 3);  // up to the last good checkpoint
  }
}

TEST_F(TamperingTest, ARewrittenLogOfAnotherKeyIsNotTrusted) {
  auto other = open_or_create_key_file(folder_.file("other-key")).value();
  {
    auto log = LogWriter::open(options_, *other, QuickStorage::get()).value();
    ASSERT_TRUE(log->append(bodies(0, 3)) && log->sync());
  }
  EXPECT_FALSE(verify(false).ok());
  VerifyOptions anyone{.folders = {options_.folder}};
  EXPECT_TRUE(verify_log(anyone)->ok());
  EXPECT_FALSE(verify_log(anyone)->key_trusted);
}

}  // namespace
}  // namespace holdfast::audit
