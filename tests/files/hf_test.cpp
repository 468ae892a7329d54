// Hugging Face directories written by the safetensors package (tests/golden/files/make_hf.py).

#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>

#include <gtest/gtest.h>

#include "files/hf_config.h"
#include "files/hf_names.h"
#include "files/model_file.h"
#include "temporary_folder.h"
#include "tensor/blocks.h"

namespace holdfast {
namespace {

const std::string kGolden = HOLDFAST_SOURCE_DIR "/tests/golden/files/";

std::shared_ptr<const ModelFile> open(const std::string& path) {
  auto model = ModelFile::open(path);
  EXPECT_TRUE(model.has_value()) << to_string(model.error());
  return model.value_or(nullptr);
}

// Value i of the tensor with this Hugging Face name (make_hf.py).
float expected(std::string_view name, int64_t i) {
  const auto seed = std::accumulate(name.begin(), name.end(), int64_t{0}, [](int64_t sum, char c) {
    return sum + static_cast<unsigned char>(c);
  });
  return static_cast<float>((seed + i) % 13 - 6);
}

void expect_values(const TensorView& view, std::string_view name, int64_t first = 0) {
  std::vector<float> values(static_cast<std::size_t>(view.shape.elements()));
  dequantize(view.type, view.bytes.data(), values.data(), view.shape.elements());
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_EQ(values[i], expected(name, first + static_cast<int64_t>(i))) << name << " " << i;
}

TEST(HfModel, ReadsShardedFp8WithBlockScales) {
  const auto model = open(kGolden + "hf_fp8");
  ASSERT_NE(model, nullptr);
  const ModelConfig& config = model->config();
  EXPECT_EQ(config.architecture, "deepseek2");
  EXPECT_EQ(config.name, "hf_fp8");
  EXPECT_EQ(config.layers, 2);
  EXPECT_FALSE(config.tied_embeddings);
  EXPECT_EQ(config.mla.kv_rank, 16);
  EXPECT_EQ(config.head_dim, 12);
  EXPECT_EQ(config.rope.style, RopeStyle::kInterleaved);
  EXPECT_EQ(config.rope.scaling, RopeScaling::kYarn);
  EXPECT_EQ(config.rope.factor, 40.0f);
  EXPECT_EQ(config.rope.original_context, 4096);
  EXPECT_EQ(config.rope.mscale_all_dim, 1.0f);
  EXPECT_EQ(config.moe.groups, 2);
  EXPECT_EQ(config.moe.score, RouterScore::kSigmoid);
  EXPECT_TRUE(config.moe.group_score_top2);
  EXPECT_TRUE(config.moe.normalize_weights);

  const auto embedding = model->tensor("token_embd.weight", Shape{{10, 16}, 2});
  ASSERT_TRUE(embedding.has_value());
  EXPECT_EQ(embedding->type, DType::kBF16);
  expect_values(*embedding, "model.embed_tokens.weight");

  const auto kv = model->tensor("blk.0.attn_kv_a_mqa.weight", Shape{{20, 16}, 2});
  ASSERT_TRUE(kv.has_value());
  EXPECT_EQ(kv->type, DType::kF8_E4M3);
  expect_values(*kv, "model.layers.0.self_attn.kv_a_proj_with_mqa.weight");
  EXPECT_EQ(kv->scale_block, 8);
  ASSERT_EQ(kv->scales.size(), 6u);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(kv->scales[i], static_cast<float>(i + 1));

  for (int32_t i = 0; i < 4; ++i) {
    const auto down = model->expert("blk.1.ffn_down_exps.weight", i, Shape{{16, 8}, 2});
    ASSERT_TRUE(down.has_value()) << to_string(down.error());
    expect_values(*down, "model.layers.1.mlp.experts." + std::to_string(i) + ".down_proj.weight");
  }
  EXPECT_TRUE(model->has("blk.1.exp_probs_b.bias"));
  EXPECT_FALSE(model->has("blk.2.eh_proj.weight"));
  EXPECT_EQ(model->tokenizer().chat_template, "D");
  EXPECT_FALSE(model->tokenizer().tokenizer_json.empty());
  EXPECT_FALSE(model->tokenizer().generation_config_json.empty());
  EXPECT_EQ(config.sampling.temperature, 0.6f);
  EXPECT_EQ(config.sampling.top_k, std::nullopt);
}

TEST(HfModel, SplitsFusedExperts) {
  const auto model = open(kGolden + "hf_fused");
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->config().rope.theta, 5e5f);
  EXPECT_EQ(model->config().rope.scaling, RopeScaling::kNone);
  EXPECT_TRUE(model->config().tied_embeddings);  // there is no lm_head
  for (int32_t i = 0; i < 4; ++i) {
    const Shape in{{8, 16}, 2}, out{{16, 8}, 2};
    const auto gate = model->expert("blk.1.ffn_gate_exps.weight", i, in);
    const auto up = model->expert("blk.1.ffn_up_exps.weight", i, in);
    const auto down = model->expert("blk.1.ffn_down_exps.weight", i, out);
    ASSERT_TRUE(gate.has_value() && up.has_value() && down.has_value());
    expect_values(*gate, "model.layers.1.mlp.experts.gate_up_proj", i * 256);
    expect_values(*up, "model.layers.1.mlp.experts.gate_up_proj", i * 256 + 128);
    expect_values(*down, "model.layers.1.mlp.experts.down_proj", i * 128);
  }
  EXPECT_EQ(model->tokenizer().chat_template, "from the file");
}

TEST(HfModel, MissingFilesAreNamed) {
  const TemporaryFolder folder;
  const auto copy = std::filesystem::copy_options::recursive;
  std::filesystem::copy(kGolden + "hf_fp8", folder.file("m"), copy);
  std::filesystem::remove(folder.file("m/model-00002-of-00002.safetensors"));
  auto model = ModelFile::open(folder.file("m"));
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().code, Code::kNotFound);
  EXPECT_NE(to_string(model.error()).find("model-00002-of-00002.safetensors"), std::string::npos);

  std::filesystem::remove(folder.file("m/config.json"));
  model = ModelFile::open(folder.file("m"));
  ASSERT_FALSE(model.has_value());
  EXPECT_NE(model.error().message.find("config.json"), std::string::npos);
}

TEST(HfModel, IndexCannotLeaveTheDirectory) {
  const TemporaryFolder folder;
  std::filesystem::copy(kGolden + "hf_fp8/config.json", folder.file("config.json"));
  for (const char* file : {"../model.safetensors", "/etc/passwd", "..", ""}) {
    std::ofstream(folder.file("model.safetensors.index.json"))
        << R"({"weight_map": {"lm_head.weight": ")" << file << R"("}})";
    const auto model = ModelFile::open(folder.path().string());
    ASSERT_FALSE(model.has_value());
    EXPECT_EQ(model.error().code, Code::kCorrupt);
    EXPECT_NE(model.error().message.find("plain file name"), std::string::npos);
  }
}

Result<HfConfig> config(const std::string& fields) {
  return hf_config("config.json", R"({"hidden_size": 64, "intermediate_size": 96,
    "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 100,
    "max_position_embeddings": 131072, )" +
                                      fields + "}");
}

TEST(HfConfig, Llama3RopeInBothLayouts) {
  const std::string inside = R"("factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192, "rope_type": "llama3")";
  for (const std::string& rope :
       {R"("rope_theta": 500000.0, "rope_scaling": {)" + inside + "}",
        R"("rope_parameters": {"rope_theta": 500000.0, )" + inside + "}"}) {
    const auto read = config(R"("model_type": "llama", "num_key_value_heads": 2, )" + rope);
    ASSERT_TRUE(read.has_value()) << to_string(read.error());
    EXPECT_EQ(read->model.rope.theta, 500000.0f);
    EXPECT_EQ(read->model.rope.scaling, RopeScaling::kLlama3);
    EXPECT_EQ(read->model.rope.factor, 8.0f);
    EXPECT_EQ(read->model.rope.original_context, 8192);
    EXPECT_EQ(read->model.rope.style, RopeStyle::kHalves);
    EXPECT_EQ(read->model.kv_heads, 2);
    EXPECT_EQ(read->model.head_dim, 16);
  }
}

TEST(HfConfig, DefaultsOfQwen3) {
  const auto read = config(R"("model_type": "qwen3", "tie_word_embeddings": true)");
  ASSERT_TRUE(read.has_value()) << to_string(read.error());
  EXPECT_EQ(read->model.head_dim, 128);
  EXPECT_EQ(read->model.kv_heads, 4);
  EXPECT_TRUE(read->tie_word_embeddings);
}

TEST(HfConfig, RefusesByName) {
  const struct {
    const char* fields;
    Code code;
    const char* where;
  } cases[] = {
      {R"("model_type": "gemma")", Code::kUnimplemented, "config.json, $.model_type"},
      {R"("model_type": "llama", "hidden_act": "gelu")", Code::kUnimplemented, "$.hidden_act"},
      {R"("model_type": "qwen2", "use_sliding_window": true)", Code::kUnimplemented,
       "$.use_sliding_window"},
      {R"("model_type": "llama", "rope_scaling": {"type": "dynamic", "factor": 2})",
       Code::kUnimplemented, "$.rope_scaling.rope_type"},
      {R"("model_type": "llama", "quantization_config": {"quant_method": "awq"})",
       Code::kUnimplemented, "$.quantization_config.quant_method"},
      {R"("model_type": "llama", "num_key_value_heads": 3)", Code::kCorrupt, "config.json"},
      {R"("model_type": "llama", "num_key_value_heads": "2")", Code::kCorrupt,
       "$.num_key_value_heads"},
      {R"("model_type": "deepseek_v3")", Code::kCorrupt, "$.kv_lora_rank"},
      {R"("model_type": "llama", "rms_norm_eps": -1)", Code::kCorrupt, "config.json"},
      {R"("model_type": "llama", "head_dim": 0)", Code::kCorrupt, "config.json"},
  };
  for (const auto& one : cases) {
    const auto read = config(one.fields);
    ASSERT_FALSE(read.has_value()) << one.fields;
    EXPECT_EQ(read.error().code, one.code) << to_string(read.error());
    EXPECT_NE(read.error().where.find(one.where), std::string::npos) << to_string(read.error());
  }
}

TEST(HfNames, MapBothWays) {
  for (const char* name :
       {"token_embd.weight", "output_norm.weight", "output.weight", "blk.7.attn_norm.weight",
        "blk.7.attn_q.weight", "blk.7.attn_q.bias", "blk.7.attn_kv_a_mqa.weight",
        "blk.12.ffn_gate_inp.weight", "blk.12.exp_probs_b.bias", "blk.12.ffn_down_shexp.weight"}) {
    const auto hf = hf_name(name);
    ASSERT_TRUE(hf.has_value()) << name;
    const auto back = gguf_name(*hf);
    ASSERT_TRUE(back.has_value()) << *hf;
    EXPECT_EQ(back->name, name);
  }
  const auto expert = gguf_name(*hf_name("blk.3.ffn_up_exps.weight", 5));
  ASSERT_TRUE(expert.has_value());
  EXPECT_EQ(expert->name, "blk.3.ffn_up_exps.weight");
  EXPECT_EQ(expert->expert, 5);
  EXPECT_EQ(expert->layer, 3);
  EXPECT_EQ(gguf_name("model.layers.0.self_attn.rotary_emb.inv_freq"), std::nullopt);
  EXPECT_EQ(gguf_name("model.layers.99999999999.mlp.gate.weight"), std::nullopt);
  EXPECT_EQ(hf_name("rope_freqs.weight"), std::nullopt);
}

}  // namespace
}  // namespace holdfast
