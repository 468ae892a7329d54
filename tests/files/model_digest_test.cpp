#include "files/model_digest.h"

#include <fstream>

#include <gtest/gtest.h>

#include "temporary_folder.h"

namespace holdfast {
namespace {

void write(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

// Expected values are sha256sum's.
TEST(ModelDigest, OfOneFileIsItsSha256) {
  const TemporaryFolder folder;
  write(folder.file("m.gguf"), "abc");
  EXPECT_EQ(model_digest(folder.file("m.gguf")).value(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(model_digest(folder.file("none.gguf")).error().code, Code::kNotFound);
}

TEST(ModelDigest, OfSeveralIsThatOfTheirListing) {
  const TemporaryFolder folder;
  write(folder.file("model.safetensors"), "abc");
  write(folder.file("config.json"), "{}");
  write(folder.file("README.md"), "not part of the model");
  EXPECT_EQ(model_digest(folder.path().string()).value(),
            "bb26275d74d8b85c193d98418b10723876d6a1ef2da1f60287213e8b8a65bf38");
}

TEST(ModelDigest, OfASplitFileIsThatOfAllParts) {
  const TemporaryFolder folder;
  write(folder.file("m-00001-of-00002.gguf"), "one");
  write(folder.file("m-00002-of-00002.gguf"), "two");
  write(folder.file("n-00001-of-00002.gguf"), "another model's");
  EXPECT_EQ(model_digest(folder.file("m-00001-of-00002.gguf")).value(),
            "4fe9036ae3d264c205221ef5b975cc15edbfd406ddc967d2571600e531154916");
}

}  // namespace
}  // namespace holdfast
