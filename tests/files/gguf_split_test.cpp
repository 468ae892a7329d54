// Split models, in parts written here.

#include <filesystem>

#include <gtest/gtest.h>

#include "files/gguf_model.h"
#include "files/gguf_writer.h"
#include "files/listing.h"
#include "temporary_folder.h"

namespace holdfast {
namespace {

struct Part {
  int32_t number, count;  // what the file says of itself, from 0
  std::string tensor;
  int32_t total = 3;
};

void write_part(const std::string& path, const Part& part) {
  GgufWriter writer;
  if (part.number == 0) {
    writer.set_string("general.architecture", "none");
    writer.set_string("tokenizer.ggml.model", "gpt2");
  }
  writer.set_u32("split.no", static_cast<uint32_t>(part.number));
  writer.set_u32("split.count", static_cast<uint32_t>(part.count));
  writer.set_i32("split.tensors.count", part.total);
  writer.add_tensor(part.tensor, DType::kF32, Shape{{1}, 1});
  ASSERT_TRUE(writer.begin(path, OutputFile::Existing::kReplace).has_value());
  const float value = static_cast<float>(part.number);
  ASSERT_TRUE(writer.write(std::as_bytes(std::span(&value, 1))).has_value());
  ASSERT_TRUE(writer.finish().has_value());
}

class SplitGguf : public testing::Test {
 protected:
  void SetUp() override {
    for (int32_t i = 0; i < 3; ++i) write_part(name(i), {i, 3, "t" + std::to_string(i)});
  }
  std::string name(int32_t number) const {
    return folder_.file("model-0000" + std::to_string(number + 1) + "-of-00003.gguf");
  }
  Error error_of(const std::string& path) const {
    const auto model = ModelFile::open(path);
    EXPECT_FALSE(model.has_value());
    return model.has_value() ? Error{} : model.error();
  }
  const TemporaryFolder folder_;
};

TEST_F(SplitGguf, OpensFromAnyPart) {
  for (int32_t i = 0; i < 3; ++i) {
    const auto model = ModelFile::open(name(i));
    ASSERT_TRUE(model.has_value()) << to_string(model.error());
    EXPECT_EQ((*model)->tokenizer().model, "gpt2");
    ASSERT_EQ((*model)->tensors().size(), 3u);
    for (int32_t j = 0; j < 3; ++j) {
      const auto view = (*model)->tensor("t" + std::to_string(j), Shape{{1}, 1});
      ASSERT_TRUE(view.has_value());
      EXPECT_EQ(*reinterpret_cast<const float*>(view->bytes.data()), static_cast<float>(j));
    }
  }
  const auto listing = list_model(name(1));
  ASSERT_TRUE(listing.has_value());
  EXPECT_EQ(listing->files.size(), 3u);
  EXPECT_EQ(listing->tensors.size(), 3u);
}

TEST_F(SplitGguf, NamesAMissingPart) {
  std::filesystem::remove(name(1));
  const Error error = error_of(name(0));
  EXPECT_EQ(error.code, Code::kNotFound);
  EXPECT_EQ(error.message, "part 2 of 3 is missing");
  EXPECT_EQ(error.where, name(1));
}

TEST_F(SplitGguf, RefusesPartsThatDoNotBelongTogether) {
  write_part(name(1), {2, 3, "other"});
  EXPECT_EQ(error_of(name(0)).code, Code::kCorrupt);
  write_part(name(1), {1, 3, "t0"});  // a tensor that part 1 has too
  EXPECT_NE(error_of(name(0)).message.find("'t0' is in two parts"), std::string::npos);
  write_part(name(1), {1, 3, "t1"});
  write_part(name(0), {0, 3, "t0", 4});
  EXPECT_NE(error_of(name(0)).message.find("split.tensors.count"), std::string::npos);
}

TEST_F(SplitGguf, RefusesAPartUnderAnotherName) {
  std::filesystem::copy(name(0), folder_.file("renamed.gguf"));
  const Error error = error_of(folder_.file("renamed.gguf"));
  EXPECT_EQ(error.code, Code::kInvalidArgument);
  EXPECT_NE(error.hint.find("-00001-of-00003.gguf"), std::string::npos);
}

TEST(Listing, ShowsWhatIsThere) {
  const auto listing = list_model(HOLDFAST_SOURCE_DIR "/tests/golden/files/values.gguf");
  ASSERT_TRUE(listing.has_value());
  EXPECT_EQ(listing->format, "GGUF");
  EXPECT_EQ(listing->version, 3u);
  EXPECT_EQ(listing->alignment, 64u);
  const auto text = [&](const std::string& key) -> std::string {
    for (const ListedKey& one : listing->metadata) {
      if (one.key == key) return one.type + " " + one.text;
    }
    return "";
  };
  EXPECT_EQ(text("v.u64"), "u64 9223372036854775813");
  EXPECT_EQ(text("v.f64"), "f64 -2.25");
  EXPECT_EQ(text("v.bool"), "bool true");
  EXPECT_EQ(text("v.strings"), R"(array of 3 string ["a", "", "ccc"])");
  EXPECT_EQ(listing->tensors[2].type, "q8_0");
  EXPECT_EQ(listing->tensors[2].shape, (Shape{{2, 64}, 2}));

  const auto directory = list_model(HOLDFAST_SOURCE_DIR "/tests/golden/files/hf_fp8");
  ASSERT_TRUE(directory.has_value());
  EXPECT_EQ(directory->format, "safetensors");
  EXPECT_EQ(directory->files.size(), 2u);
  EXPECT_EQ(directory->tensors.size(), 32u);
}

}  // namespace
}  // namespace holdfast
