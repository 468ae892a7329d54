// Out of a Hugging Face directory into GGUF and back: the same values under the same names.

#include "files/hf_export.h"

#include <filesystem>
#include <numeric>

#include <gtest/gtest.h>

#include "files/hf_directory.h"
#include "files/json_fields.h"
#include "files/tensor_rows.h"
#include "files/tokenizer_arrays.h"
#include "temporary_folder.h"

namespace holdfast {
namespace {

const std::string kGolden = HOLDFAST_SOURCE_DIR "/tests/golden/files/";

std::vector<float> values(const StoredTensor& stored) {
  TensorView view;
  view.type = *stored.tensor->type;
  view.shape = stored.tensor->shape;
  view.bytes = stored.shard->bytes_of(*stored.tensor);
  std::vector<float> out(static_cast<std::size_t>(view.shape.elements()));
  read_rows(view, 0, row_count(view.shape), out.data());
  return out;
}

class RoundTrip {
 public:
  explicit RoundTrip(const std::string& name) {
    const auto in = open_conversion(kGolden + name);
    EXPECT_TRUE(in.has_value()) << to_string(in.error());
    const std::string gguf = folder_.file("m.gguf");
    Status done = export_gguf(*in, *find_recipe("f32"), gguf, {});
    EXPECT_TRUE(done.has_value()) << to_string(done.error());
    const auto middle = open_conversion(gguf);
    EXPECT_TRUE(middle.has_value()) << to_string(middle.error());
    done = export_hf(*middle, DType::kF32, path(), {});
    EXPECT_TRUE(done.has_value()) << to_string(done.error());
    again = export_hf(*middle, DType::kF32, path(), {});
  }
  std::string path() const { return folder_.file("back"); }

  Status again;  // what writing to the same place a second time says

 private:
  TemporaryFolder folder_;
};

TEST(HfExport, LlamaComesBack) {
  const RoundTrip trip("hf_llama");
  const auto before = HfWeights::open(kGolden + "hf_llama");
  const auto after = HfWeights::open(trip.path());
  ASSERT_TRUE(after.has_value()) << to_string(after.error());
  ASSERT_EQ(after->tensors.size(), before->tensors.size());
  for (const auto& [name, stored] : before->tensors) {
    ASSERT_TRUE(after->tensors.contains(name)) << name;
    EXPECT_EQ(values(after->tensors.at(name)), values(stored)) << name;
  }
  const auto model = ModelFile::open(trip.path());
  ASSERT_TRUE(model.has_value()) << to_string(model.error());
  const RopeConfig& rope = (*model)->config().rope;
  EXPECT_EQ(rope.scaling, RopeScaling::kLlama3);
  EXPECT_EQ(rope.factor, 8.0f);
  EXPECT_EQ(rope.original_context, 64);
  EXPECT_EQ((*model)->tokenizer().chat_template, "{{ x }}");
  // The tokenizer, read again, gives the same arrays.
  const auto arrays = tokenizer_arrays((*model)->tokenizer(), (*model)->config(), trip.path());
  const auto original = ModelFile::open(kGolden + "hf_llama");
  const auto expected = tokenizer_arrays((*original)->tokenizer(), (*original)->config(), kGolden);
  ASSERT_TRUE(arrays.has_value()) << to_string(arrays.error());
  EXPECT_EQ(arrays->tokens, expected->tokens);
  EXPECT_EQ(arrays->types, expected->types);
  EXPECT_EQ(arrays->merges, expected->merges);
  EXPECT_EQ(arrays->pre, expected->pre);
  EXPECT_EQ(arrays->bos, expected->bos);
  EXPECT_EQ(arrays->eos, expected->eos);
  EXPECT_EQ(arrays->eot, expected->eot);
  EXPECT_EQ(arrays->add_bos, expected->add_bos);
}

TEST(HfExport, DeepSeekComesBack) {
  const RoundTrip trip("hf_fused");
  const auto before = ModelFile::open(kGolden + "hf_fused");
  const auto after = ModelFile::open(trip.path());
  ASSERT_TRUE(after.has_value()) << to_string(after.error());
  const auto floats = [](const TensorView& view) {
    std::vector<float> out(static_cast<std::size_t>(view.shape.elements()));
    read_rows(view, 0, row_count(view.shape), out.data());
    return out;
  };
  for (const char* name : {"token_embd.weight", "blk.0.attn_kv_b.weight"})
    EXPECT_EQ(floats(*(*after)->tensor(name)), floats(*(*before)->tensor(name))) << name;
  for (int32_t e = 0; e < 4; ++e) {
    for (const char* name :
         {"blk.1.ffn_gate_exps.weight", "blk.1.ffn_up_exps.weight", "blk.1.ffn_down_exps.weight"})
      EXPECT_EQ(floats(*(*after)->expert(name, e)), floats(*(*before)->expert(name, e))) << name;
  }
  EXPECT_EQ((*after)->config().moe.score, RouterScore::kSigmoid);
  EXPECT_EQ((*after)->config().mla.nope_dim, 8);
}

TEST(HfExport, RefusesADirectoryThatExists) {
  const RoundTrip trip("hf_fused");
  ASSERT_FALSE(trip.again.has_value());
  EXPECT_EQ(trip.again.error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace holdfast
