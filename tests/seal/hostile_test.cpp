// 10,000 changes to sealed files: all found, none crashes.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "sealed_fixture.h"

namespace holdfast::seal {
namespace {

constexpr std::size_t kChunkOnDisk = kChunkBytes + kTagBytes;

class Hostile : public Sealed {
 protected:
  void SetUp() override {
    content_ = some_bytes(3 * kChunkBytes + 100, 3);
    good_ = content_of(seal("good", content_, key(1)));
    earlier_ = content_of(seal("earlier", content_, key(1)));
    other_ = content_of(seal("other", some_bytes(content_.size(), 9), key(1)));
  }

  std::size_t below(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
  }

  std::string changed() {
    std::string bytes = good_;
    switch (below(8)) {
      case 0:  // a bit anywhere
        bytes[below(bytes.size())] ^= static_cast<char>(1 << below(8));
        break;
      case 1:  // a bit of the header's beginning, where everything means something
        bytes[below(200)] ^= static_cast<char>(1 << below(8));
        break;
      case 2:  // cut
        bytes.resize(below(bytes.size()));
        break;
      case 3: {  // two chunks change places
        const std::size_t a = below(3), b = (a + 1 + below(2)) % 3;
        std::swap_ranges(
            bytes.begin() + static_cast<std::ptrdiff_t>(kHeaderBytes + a * kChunkOnDisk),
            bytes.begin() + static_cast<std::ptrdiff_t>(kHeaderBytes + (a + 1) * kChunkOnDisk),
            bytes.begin() + static_cast<std::ptrdiff_t>(kHeaderBytes + b * kChunkOnDisk));
        break;
      }
      case 4: {  // a chunk of an earlier sealing of the same content, or of another file
        const std::size_t at = kHeaderBytes + below(3) * kChunkOnDisk;
        bytes.replace(at, kChunkOnDisk,
                      (below(2) == 0 ? earlier_ : other_).substr(at, kChunkOnDisk));
        break;
      }
      case 5:  // another file's header
        bytes.replace(0, kHeaderBytes, (below(2) == 0 ? earlier_ : other_).substr(0, kHeaderBytes));
        break;
      case 6: {  // a chunk twice, or one left out
        const std::size_t at = kHeaderBytes + below(3) * kChunkOnDisk;
        if (below(2) == 0) {
          bytes.insert(at, good_.substr(at, kChunkOnDisk));
        } else {
          bytes.erase(at, kChunkOnDisk);
        }
        break;
      }
      default: {  // random bytes over a stretch
        const std::size_t at = below(bytes.size()), count = 1 + below(64);
        for (std::size_t i = at; i < std::min(bytes.size(), at + count); ++i)
          bytes[i] = static_cast<char>(below(256));
        break;
      }
    }
    return bytes;
  }

  // Makes the file "changed" hold `bytes`, writing only what differs from what it held.
  void put(const std::string& bytes) {
    if (held_.empty()) write(path("changed"), held_ = good_);
    if (bytes.size() < held_.size()) std::filesystem::resize_file(path("changed"), bytes.size());
    held_.resize(std::min(held_.size(), bytes.size()));
    const auto first =
        std::mismatch(held_.begin(), held_.end(), bytes.begin()).first - held_.begin();
    auto last = static_cast<std::ptrdiff_t>(bytes.size());
    if (bytes.size() == held_.size()) {
      while (last > first &&
             held_[static_cast<std::size_t>(last - 1)] == bytes[static_cast<std::size_t>(last - 1)])
        --last;
    }
    std::fstream file(path("changed"), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(first);
    file.write(bytes.data() + first, last - first);
    ASSERT_TRUE(file.flush().good());
    held_ = bytes;
  }

  std::string content_, good_, earlier_, other_, held_;
  std::mt19937_64 random_{20240601};
};

// Opening reads chunk by chunk and stops at the first wrong one, as loading does; so that this
// stays quick, only chunks that differ from the genuine file are decrypted besides the last.
TEST_F(Hostile, TenThousandChanges) {
  int unchanged = 0;
  for (int i = 0; i < 10000; ++i) {
    const std::string bytes = changed();
    if (bytes == good_) {
      ++unchanged;
      continue;
    }
    // Without the file system for most: the header alone, or one chunk.
    HeaderBytes header_bytes{};
    const bool header_same = bytes.size() >= kHeaderBytes &&
                             std::equal(bytes.begin(), bytes.begin() + kHeaderBytes, good_.begin());
    if (!header_same && bytes.size() >= kHeaderBytes) {
      std::copy_n(bytes.begin(), kHeaderBytes, header_bytes.begin());
      const auto header = parse_header(header_bytes, "changed");
      if (!header) continue;                                 // found
      if (header->sealed_bytes() != bytes.size()) continue;  // found, as open() does
      const auto file_key = find_file_key(header_bytes, *header, key(1), "changed");
      if (!file_key) continue;
    }
    put(bytes);
    const auto file = SealedFile::open(path("changed"), key(1));
    if (!file) continue;
    bool found = false;
    std::vector<std::byte> out(kChunkBytes);
    for (uint64_t c = 0; c < (*file)->chunks() && !found; ++c) {
      const std::size_t at = kHeaderBytes + c * kChunkOnDisk;
      if (header_same && bytes.compare(at, kChunkOnDisk, good_, at, kChunkOnDisk) == 0) continue;
      const auto chunk = std::span(out).first((*file)->header().chunk_plain_bytes(c));
      found = !(*file)->read_chunk(c, chunk);
    }
    ASSERT_TRUE(found) << "change " << i;
  }
  EXPECT_LT(unchanged, 10);
}

// An old version of the whole file under its name is genuine: that is what manifests are for.
TEST_F(Hostile, AnOldVersionIsGenuine) {
  write(path("now"), earlier_);
  EXPECT_EQ(open(path("now"), key(1)).value(), content_);
}

}  // namespace
}  // namespace holdfast::seal
