#include <filesystem>

#include "sealed_fixture.h"

namespace holdfast::seal {
namespace {

TEST_F(Sealed, OpensWhatItSealed) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{kChunkBytes - 1}, std::size_t{kChunkBytes},
        std::size_t{kChunkBytes + 1}, std::size_t{3 * kChunkBytes}}) {
    const std::string content = some_bytes(size);
    const std::string file = seal("a", content, key(7));
    const auto opened = open(file, key(7));
    ASSERT_TRUE(opened) << to_string(opened.error());
    EXPECT_EQ(*opened, content) << size;
    const Status unsealed = unseal_file(file, path("b"), key(7),
                                        {.existing = OutputFile::Existing::kReplace, .threads = 2});
    ASSERT_TRUE(unsealed) << to_string(unsealed.error());
    EXPECT_EQ(content_of(path("b")), content);
  }
}

TEST_F(Sealed, EveryFileHasAKeyOfItsOwn) {
  const std::string content = some_bytes(100);
  EXPECT_NE(content_of(seal("a", content, key(1))).substr(4096),
            content_of(seal("b", content, key(1))).substr(4096));
}

TEST_F(Sealed, AnyOfItsKeysOpens) {
  KeyProviders both = key(1);
  both.push_back(std::move(passphrase("open sesame").front()));
  const std::string file = seal("a", "content", both);
  EXPECT_EQ(open(file, key(1)).value(), "content");
  EXPECT_EQ(open(file, passphrase("open sesame")).value(), "content");
  KeyProviders wrong_first = passphrase("no");
  wrong_first.push_back(std::move(key(1).front()));
  EXPECT_EQ(open(file, wrong_first).value(), "content");
}

TEST_F(Sealed, WrongKeysAreUnauthenticated) {
  const std::string file = seal("a", "content", passphrase("right"));
  auto opened = open(file, passphrase("wrong"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kUnauthenticated);
  EXPECT_EQ(opened.error().message, "the passphrase is wrong");
  opened = open(file, key(1));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kUnauthenticated);
  EXPECT_NE(opened.error().hint.find("a passphrase"), std::string::npos);
  opened = open(file, {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kUnauthenticated);
}

TEST_F(Sealed, ADamagedChunkIsNamed) {
  const std::string file = seal("a", some_bytes(3 * kChunkBytes), key(1));
  std::string bytes = content_of(file);
  bytes[kHeaderBytes + kChunkBytes + kTagBytes + 5] ^= 1;
  write(file, bytes);
  const auto sealed = SealedFile::open(file, key(1)).value();
  std::vector<std::byte> out(kChunkBytes);
  EXPECT_TRUE(sealed->read_chunk(0, out));
  const Status status = sealed->read_chunk(1, out);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kCorrupt);
  EXPECT_EQ(status.error().where, file + ", chunk 1, byte 1052688");
  for (const std::byte b : out) ASSERT_EQ(b, std::byte{0});
  const Status unsealed = unseal_file(file, path("b"), key(1), {});
  ASSERT_FALSE(unsealed);
  EXPECT_FALSE(std::filesystem::exists(path("b")));
}

TEST_F(Sealed, RewrappingKeepsTheChunks) {
  const std::string content = some_bytes(2 * kChunkBytes + 3);
  const std::string file = seal("a", content, key(1));
  const std::string before = content_of(file);
  const Status status = rewrap_file(file, key(1), passphrase("new"));
  ASSERT_TRUE(status) << to_string(status.error());
  EXPECT_EQ(content_of(file).substr(kHeaderBytes), before.substr(kHeaderBytes));
  EXPECT_EQ(open(file, passphrase("new")).value(), content);
  EXPECT_EQ(open(file, key(1)).error().code, Code::kUnauthenticated);
  EXPECT_FALSE(std::filesystem::exists(file + ".header"));
}

TEST_F(Sealed, ARotationCutShortIsFinished) {
  const std::string file = seal("a", "content", key(1));
  const std::string old_header = content_of(file).substr(0, kHeaderBytes);
  ASSERT_TRUE(rewrap_file(file, key(1), key(2)));
  // As a power cut would leave it: the new header beside, the one in the file half written.
  std::string bytes = content_of(file);
  write(file + ".header", std::string_view(bytes).substr(0, kHeaderBytes));
  bytes.replace(0, 512, std::string(512, '\0'));
  write(file, bytes);
  EXPECT_FALSE(open(file, key(2)));
  const Status status = rewrap_file(file, key(1), key(2));
  ASSERT_TRUE(status) << to_string(status.error());
  EXPECT_EQ(open(file, key(2)).value(), "content");
}

TEST_F(Sealed, AWrongKeyRotatesNothing) {
  const std::string file = seal("a", "content", key(1));
  const std::string before = content_of(file);
  EXPECT_EQ(rewrap_file(file, key(3), key(2)).error().code, Code::kUnauthenticated);
  EXPECT_EQ(rewrap_file(file, key(1), {}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(content_of(file), before);
}

TEST_F(Sealed, KeyFiles) {
  ASSERT_TRUE(generate_key_file(path("k")));
  EXPECT_EQ(generate_key_file(path("k")).error().code, Code::kInvalidArgument);
  EXPECT_EQ(std::filesystem::status(path("k")).permissions() & std::filesystem::perms::mask,
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  KeyProviders keys;
  keys.push_back(open_key_file(path("k")).value());
  EXPECT_EQ(open(seal("a", "content", keys), keys).value(), "content");
  for (const char* bad : {"", "x", "holdfast-key-1 12", "holdfast-key-2 0011"}) {
    write(path("bad"), bad);
    EXPECT_FALSE(open_key_file(path("bad"))) << bad;
  }
}

}  // namespace
}  // namespace holdfast::seal
