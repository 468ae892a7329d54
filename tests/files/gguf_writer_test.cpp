#include "files/gguf_writer.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "temporary_folder.h"

namespace holdfast {
namespace {

std::shared_ptr<const Gguf> parse(const std::string& path) {
  auto source = open_file(path);
  EXPECT_TRUE(source.has_value()) << to_string(source.error());
  auto gguf = Gguf::parse(*source);
  EXPECT_TRUE(gguf.has_value()) << to_string(gguf.error());
  return *gguf;
}

// What gguf-py wrote, read and written again, is the same to our reader.
TEST(GgufWriter, CopiesAFile) {
  const TemporaryFolder folder;
  const auto from = parse(HOLDFAST_SOURCE_DIR "/tests/golden/files/values.gguf");
  GgufWriter writer;
  for (const GgufPair& pair : from->pairs) writer.set_value(pair.key, pair.value);
  writer.set_u32("general.alignment", 32);
  for (const GgufTensor& tensor : from->tensors)
    writer.add_tensor(tensor.name, tensor.type, tensor.shape);
  const std::string path = folder.file("copy.gguf");
  ASSERT_TRUE(writer.begin(path, OutputFile::Existing::kRefuse).has_value());
  EXPECT_FALSE(std::filesystem::exists(path));
  for (const GgufTensor& tensor : from->tensors) {
    const auto bytes = from->contents.subspan(tensor.offset, tensor.bytes);
    ASSERT_TRUE(writer.write(bytes.first(1)).has_value());
    ASSERT_TRUE(writer.write(bytes.subspan(1)).has_value());
  }
  ASSERT_TRUE(writer.finish().has_value());

  const auto copy = parse(path);
  ASSERT_EQ(copy->pairs.size(), from->pairs.size());
  for (std::size_t i = 0; i < copy->pairs.size(); ++i) {
    const GgufPair& a = copy->pairs[i];
    const GgufPair& b = from->pairs[i];
    EXPECT_EQ(a.key, b.key);
    EXPECT_EQ(a.value.type, b.value.type);
    if (a.key == "general.alignment") continue;
    EXPECT_TRUE(std::ranges::equal(a.value.bytes, b.value.bytes)) << a.key;
  }
  ASSERT_EQ(copy->tensors.size(), from->tensors.size());
  for (std::size_t i = 0; i < copy->tensors.size(); ++i) {
    const GgufTensor& a = copy->tensors[i];
    const GgufTensor& b = from->tensors[i];
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.shape, b.shape);
    EXPECT_TRUE(std::ranges::equal(copy->contents.subspan(a.offset, a.bytes),
                                   from->contents.subspan(b.offset, b.bytes)));
  }
}

TEST(GgufWriter, SetsEveryKind) {
  const TemporaryFolder folder;
  GgufWriter writer;
  writer.set_u32("u32", 1);
  writer.set_u32("u32", 7);  // replaces
  writer.set_u64("u64", 1ull << 40);
  writer.set_i32("i32", -3);
  writer.set_f32("f32", 0.5f);
  writer.set_bool("bool", true);
  writer.set_string("string", "text");
  const std::vector<std::string> strings{"a", "bc"};
  writer.set_strings("strings", strings);
  const std::vector<int32_t> ints{1, 2};
  writer.set_i32s("i32s", ints);
  const std::vector<float> floats{1.5f};
  writer.set_f32s("f32s", floats);
  writer.set_u32("gone", 1);
  writer.remove("gone");
  const std::string path = folder.file("kinds.gguf");
  ASSERT_TRUE(writer.begin(path, OutputFile::Existing::kRefuse).has_value());
  ASSERT_TRUE(writer.finish().has_value());
  const auto gguf = parse(path);
  EXPECT_EQ(gguf->pairs.size(), 9u);
  EXPECT_EQ(gguf->find("u32")->integer(), 7);
  EXPECT_EQ(gguf->find("u64")->integer(), int64_t{1} << 40);
  EXPECT_EQ(gguf->find("i32")->integer(), -3);
  EXPECT_EQ(gguf->find("f32")->number(), 0.5);
  EXPECT_EQ(gguf->find("bool")->boolean(), true);
  EXPECT_EQ(gguf->find("string")->string(), "text");
  EXPECT_EQ(gguf->find("strings")->strings(), (std::vector<std::string_view>{"a", "bc"}));
  EXPECT_EQ(gguf->find("i32s")->integers(), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(gguf->find("f32s")->numbers(), (std::vector<double>{1.5}));
}

TEST(OutputFile, AppearsWholeOrNotAtAll) {
  const TemporaryFolder folder;
  const std::string path = folder.file("out");
  {
    auto file = OutputFile::create(path, OutputFile::Existing::kRefuse);
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE(file->write("half").has_value());
  }  // not finished
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  for (const char* text : {"first", "second"}) {
    auto file = OutputFile::create(path, OutputFile::Existing::kReplace);
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE(file->write(text).has_value());
    ASSERT_TRUE(file->finish().has_value());
  }
  std::ifstream in(path);
  std::string text;
  in >> text;
  EXPECT_EQ(text, "second");
  const auto refused = OutputFile::create(path, OutputFile::Existing::kRefuse);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
  EXPECT_NE(refused.error().hint.find("--force"), std::string::npos);
}

}  // namespace
}  // namespace holdfast
