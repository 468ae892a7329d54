// Small valid files, cut at every byte and with every bit flipped: an error or a model, never a
// crash.

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "files/gguf_model.h"
#include "files/hf_config.h"
#include "files/safetensors.h"
#include "tensor/blocks.h"

namespace holdfast {
namespace {

std::string read(const std::string& name) {
  std::ifstream in(HOLDFAST_SOURCE_DIR "/tests/golden/files/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Everything a loader does with a GGUF, up to its last tensor's bytes (of which it returns the
// sum).
Result<unsigned> load_gguf(const std::string& bytes) {
  ASSIGN_OR_RETURN(const auto gguf, Gguf::parse(memory_source("test.gguf", bytes)));
  ASSIGN_OR_RETURN(const auto model, gguf_model("test.gguf", {gguf}));
  unsigned sum = 0;
  for (const TensorEntry& entry : model->tensors()) {
    ASSIGN_OR_RETURN(const TensorView view, model->tensor(entry.name));
    for (const std::byte byte : view.bytes) sum += std::to_integer<unsigned>(byte);
    if (view.shape.rank == 3 && view.shape[0] > 0)
      RETURN_IF_ERROR(model->expert(entry.name, static_cast<int32_t>(view.shape[0] - 1)));
  }
  return sum;
}

Result<unsigned> load_safetensors(const std::string& bytes) {
  ASSIGN_OR_RETURN(const auto file, Safetensors::parse(memory_source("test", bytes)));
  unsigned sum = 0;
  for (const SafeTensor& tensor : file->tensors) {
    for (const std::byte byte : file->bytes_of(tensor)) sum += std::to_integer<unsigned>(byte);
  }
  return sum;
}

template <class T>
void expect_clear(const Result<T>& status) {
  if (status) return;
  EXPECT_TRUE(status.error().code == Code::kCorrupt || status.error().code == Code::kUnimplemented)
      << to_string(status.error());
  EXPECT_FALSE(status.error().where.empty()) << status.error().message;
  for (const char c : to_string(status.error())) EXPECT_GE(c, ' ') << "a control character";
}

template <class Load>
void truncate_and_flip(const std::string& whole, std::size_t must_fail_below, Load load) {
  ASSERT_TRUE(load(whole).has_value());
  for (std::size_t size = 0; size < must_fail_below; ++size) {
    const auto status = load(whole.substr(0, size));
    EXPECT_FALSE(status.has_value()) << size;
    expect_clear(status);
  }
  std::string flipped = whole;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      flipped[i] = static_cast<char>(whole[i] ^ (1 << bit));
      expect_clear(load(flipped));
    }
    flipped[i] = static_cast<char>(0xff);
    expect_clear(load(flipped));
    flipped[i] = whole[i];
  }
}

TEST(Corruption, Gguf) {
  for (const char* name : {"deepseek2.gguf", "values.gguf"}) {
    const std::string whole = read(name);
    // The file may end with padding that nobody misses.
    truncate_and_flip(whole, whole.size() - 63, load_gguf);
  }
}

TEST(Corruption, Safetensors) {
  const std::string whole = read("hf_fp8/model-00001-of-00002.safetensors");
  truncate_and_flip(whole, whole.size(), load_safetensors);
}

TEST(Corruption, HfConfig) {
  const std::string whole = read("hf_fp8/config.json");
  truncate_and_flip(whole, whole.rfind('}'),
                    [](const std::string& text) { return hf_config("config.json", text); });
}

// Counts, sizes and offsets of every magnitude in every place of the header that has one.
TEST(Corruption, HostileNumbersInGguf) {
  const std::string whole = read("deepseek2.gguf");
  for (std::size_t at = 4; at + 8 <= whole.size(); at += 1) {
    for (const uint64_t value :
         {uint64_t{0}, uint64_t{1} << 31, uint64_t{1} << 32, uint64_t{1} << 62, uint64_t{1} << 63,
          ~uint64_t{0}, ~uint64_t{0} - 31, uint64_t{whole.size()}}) {
      std::string hostile = whole;
      hostile.replace(at, 8, reinterpret_cast<const char*>(&value), 8);
      expect_clear(load_gguf(hostile));
    }
  }
}

}  // namespace
}  // namespace holdfast
