// What a model file can have wrong, told in one error that names it.
#include <fstream>

#include <gtest/gtest.h>

#include "backend/cpu/cpu_backend.h"
#include "files/chunked_source.h"
#include "golden_model.h"
#include "model/config_check.h"
#include "model/session.h"

namespace holdfast {
namespace {

Error load_error(const Golden& golden) {
  const TemporaryFolder folder;
  write_hugging_face(golden, folder.path());
  auto file = ModelFile::open(folder.path().string());
  if (!file) return file.error();
  auto backend = make_cpu_backend({.threads = 1});
  auto model = load_model(**file, **backend);
  EXPECT_FALSE(model) << "loaded";
  return model ? Error{} : model.error();
}

GoldenTensor& tensor_of(Golden& golden, const std::string& name) {
  return *std::find_if(golden.tensors.begin(), golden.tensors.end(),
                       [&](const GoldenTensor& t) { return t.name == name; });
}

TEST(Loading, AMissingTensorIsNamed) {
  Golden golden = read_golden("qwen2");
  std::erase_if(golden.tensors, [](const GoldenTensor& t) {
    return t.name == "model.layers.2.self_attn.k_proj.bias";
  });
  const Error error = load_error(golden);
  EXPECT_EQ(error.code, Code::kNotFound) << to_string(error);
  EXPECT_NE(to_string(error).find("blk.2.attn_k.bias"), std::string::npos) << to_string(error);
}

TEST(Loading, AWrongShapeIsNamedWithBoth) {
  Golden golden = read_golden("llama");
  tensor_of(golden, "model.layers.1.mlp.down_proj.weight").shape = {64, 80};
  const std::string text = to_string(load_error(golden));
  EXPECT_NE(text.find("blk.1.ffn_down.weight"), std::string::npos) << text;
  EXPECT_NE(text.find("80"), std::string::npos) << text;
  EXPECT_NE(text.find("96"), std::string::npos) << text;
}

TEST(Loading, AnExpertsWrongShapeIsNamed) {
  Golden golden = read_golden("deepseek_v3");
  tensor_of(golden, "model.layers.1.mlp.experts.3.up_proj.weight").shape = {16, 64};
  const std::string text = to_string(load_error(golden));
  EXPECT_NE(text.find("ffn_up_exps"), std::string::npos) << text;
}

TEST(Loading, ProgressRisesToOne) {
  const Golden golden = read_golden("deepseek_v2_lite");
  const TemporaryFolder folder;
  write_hugging_face(golden, folder.path());
  const auto file = ModelFile::open(folder.path().string());
  ASSERT_TRUE(file) << to_string(file.error());
  const auto backend = make_cpu_backend({.threads = 1});
  double last = 0.0;
  ASSERT_TRUE(load_model(**file, **backend, [&](double share) {
    EXPECT_GE(share, last);
    last = share;
  }));
  EXPECT_EQ(last, 1.0);
}

// Every byte that is read is pinned and loaded first: chunks that nobody pins are gone at once, and
// reading them would end the test. The same logits as from mapped files.
TEST(Loading, FromChunks) {
  const FileOpener in_chunks =
      [](const std::string& path) -> Result<std::shared_ptr<const ByteSource>> {
    ASSIGN_OR_RETURN(auto reader, plain_chunks(path));
    return chunked_source(std::move(reader), 0);
  };
  for (const char* name : {"llama", "qwen2", "qwen3", "deepseek_v2_lite", "deepseek_v3"}) {
    const TemporaryFolder folder;
    write_hugging_face(read_golden(name), folder.path());
    std::vector<float> logits[2];
    for (const bool chunks : {false, true}) {
      const auto file = ModelFile::open(folder.path().string(), chunks ? in_chunks : open_file);
      ASSERT_TRUE(file) << to_string(file.error());
      const auto backend = make_cpu_backend({.threads = 2});
      const auto model = load_model(**file, **backend);
      ASSERT_TRUE(model) << name << ": " << to_string(model.error());
      const auto session = Session::create(**model, **backend, {.sequences = 1, .context = 8});
      const std::vector<int32_t> prompt{1, 2, 3};
      const auto got = (*session)->prompt(0, prompt, 8);
      logits[chunks ? 1 : 0].assign(got.begin(), got.end());
    }
    EXPECT_EQ(logits[0], logits[1]) << name;
  }
}

ModelConfig small_config() {
  ModelConfig config;
  config.architecture = "llama";
  config.layers = config.heads = config.kv_heads = 1;
  config.hidden = config.ffn = config.vocab = config.context = 8;
  config.head_dim = config.rope.dim = 8;
  return config;
}

TEST(ConfigCheck, AcceptsWhatIsSound) { EXPECT_TRUE(check_config(small_config(), "model.gguf")); }

TEST(ConfigCheck, RefusesExpertsInALlama) {
  ModelConfig config = small_config();
  config.moe = {.experts = 4, .used = 2, .ffn = 8};
  EXPECT_EQ(check_config(config, "model.gguf").error().code, Code::kUnimplemented);
}

TEST(ConfigCheck, RefusesYarnWithoutABase) {
  ModelConfig config = small_config();
  config.rope.scaling = RopeScaling::kYarn;
  config.rope.original_context = 4;
  config.rope.theta = 1.0f;
  EXPECT_EQ(check_config(config, "model.gguf").error().code, Code::kCorrupt);
}

TEST(ConfigCheck, RefusesDeepSeekWhoseRotationsDisagree) {
  ModelConfig config = small_config();
  config.architecture = "deepseek2";
  config.mla = {.kv_rank = 4, .nope_dim = 4, .rope_dim = 4, .value_dim = 4};
  EXPECT_EQ(check_config(config, "model.gguf").error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace holdfast
