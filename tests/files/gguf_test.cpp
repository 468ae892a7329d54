// Reading what gguf-py wrote (tests/golden/files/make_gguf.py).

#include "files/gguf.h"

#include <cstring>

#include <gtest/gtest.h>

#include "files/model_file.h"

namespace holdfast {
namespace {

std::string golden(const std::string& name) {
  return std::string(HOLDFAST_SOURCE_DIR "/tests/golden/files/") + name;
}

std::shared_ptr<const Gguf> parse(const std::string& name) {
  auto source = open_file(golden(name));
  EXPECT_TRUE(source.has_value());
  auto gguf = Gguf::parse(*source);
  EXPECT_TRUE(gguf.has_value()) << to_string(gguf.error());
  return *gguf;
}

std::shared_ptr<const ModelFile> open(const std::string& name) {
  auto model = ModelFile::open(golden(name));
  EXPECT_TRUE(model.has_value()) << to_string(model.error());
  return *model;
}

TEST(Gguf, ReadsEveryValueType) {
  const auto gguf = parse("values.gguf");
  EXPECT_EQ(gguf->version, 3u);
  EXPECT_EQ(gguf->alignment, 64u);
  EXPECT_EQ(gguf->find("v.u8")->integer(), 200);
  EXPECT_EQ(gguf->find("v.i8")->integer(), -100);
  EXPECT_EQ(gguf->find("v.u16")->integer(), 60000);
  EXPECT_EQ(gguf->find("v.i16")->integer(), -30000);
  EXPECT_EQ(gguf->find("v.u32")->integer(), 4000000000);
  EXPECT_EQ(gguf->find("v.i32")->integer(), -2000000000);
  EXPECT_EQ(gguf->find("v.f32")->number(), 1.5);
  EXPECT_EQ(gguf->find("v.bool")->boolean(), true);
  EXPECT_EQ(gguf->find("v.string")->string(), "Grüße, 世界");
  EXPECT_EQ(gguf->find("v.u64")->integer(), std::nullopt);  // beyond int64
  EXPECT_EQ(gguf->find("v.i64")->integer(), -(int64_t{1} << 62));
  EXPECT_EQ(gguf->find("v.f64")->number(), -2.25);
  EXPECT_EQ(gguf->find("v.ints")->integers(), (std::vector<int64_t>{1, -2, 3}));
  EXPECT_EQ(gguf->find("v.floats")->numbers(), (std::vector<double>{0.5, 0.25}));
  EXPECT_EQ(gguf->find("v.strings")->strings(), (std::vector<std::string_view>{"a", "", "ccc"}));
  EXPECT_EQ(gguf->find("v.ints")->strings(), std::nullopt);
  EXPECT_EQ(gguf->find("missing"), nullptr);
}

TEST(Gguf, FindsTensors) {
  const auto gguf = parse("values.gguf");
  const GgufTensor* a = gguf->find_tensor("a.f32");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->shape, (Shape{{3, 4}, 2}));
  EXPECT_EQ(a->offset % 64, 0u);
  float values[12];
  std::memcpy(values, gguf->contents.data() + a->offset, sizeof values);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(values[i], static_cast<float>(i));
  EXPECT_EQ(gguf->find_tensor("c.q8_0")->bytes, 4u * 34);
  EXPECT_EQ(gguf->find_tensor("d.i32")->type, DType::kI32);
}

TEST(GgufModel, LlamaConfigAndTokenizer) {
  const auto model = open("llama.gguf");
  const ModelConfig& config = model->config();
  EXPECT_EQ(config.architecture, "llama");
  EXPECT_EQ(config.name, "Tiny Llama");
  EXPECT_EQ(config.layers, 2);
  EXPECT_EQ(config.heads, 4);
  EXPECT_EQ(config.kv_heads, 2);
  EXPECT_EQ(config.head_dim, 8);
  EXPECT_EQ(config.vocab, 5);
  EXPECT_TRUE(config.tied_embeddings);
  EXPECT_EQ(config.rope.style, RopeStyle::kInterleaved);
  EXPECT_EQ(config.rope.theta, 500000.0f);
  EXPECT_EQ(config.rope.freq_divisors, (std::vector<float>{1, 1, 4, 8}));
  const TokenizerData& tokenizer = model->tokenizer();
  EXPECT_EQ(tokenizer.model, "gpt2");
  EXPECT_EQ(tokenizer.tokens.size(), 5u);
  EXPECT_EQ(tokenizer.merges, (std::vector<std::string>{"a b"}));
  EXPECT_EQ(tokenizer.bos, 3);
  EXPECT_EQ(tokenizer.add_bos, true);
  EXPECT_EQ(tokenizer.chat_template, "{{ messages[0]['content'] }}");
}

TEST(GgufModel, DeepSeekConfig) {
  const auto model = open("deepseek2.gguf");
  const ModelConfig& config = model->config();
  EXPECT_EQ(config.mla.q_rank, 48);
  EXPECT_EQ(config.mla.kv_rank, 32);
  EXPECT_EQ(config.mla.nope_dim, 16);
  EXPECT_EQ(config.mla.rope_dim, 8);
  EXPECT_EQ(config.mla.value_dim, 20);
  EXPECT_EQ(config.head_dim, 24);
  EXPECT_EQ(config.rope.scaling, RopeScaling::kYarn);
  EXPECT_EQ(config.rope.factor, 40.0f);
  EXPECT_EQ(config.rope.original_context, 1024);
  EXPECT_FLOAT_EQ(config.rope.mscale_all_dim, 1.0f);
  EXPECT_EQ(config.moe.experts, 8);
  EXPECT_EQ(config.moe.used, 2);
  EXPECT_EQ(config.moe.groups, 4);
  EXPECT_EQ(config.moe.score, RouterScore::kSigmoid);
  EXPECT_TRUE(config.moe.group_score_top2);
  EXPECT_TRUE(config.moe.normalize_weights);
  EXPECT_EQ(config.moe.weight_scale, 2.5f);
  EXPECT_EQ(config.moe.dense_layers, 1);

  const auto expert = model->expert("blk.1.ffn_gate_exps.weight", 3, Shape{{2, 3}, 2});
  ASSERT_TRUE(expert.has_value());
  float values[6];
  std::memcpy(values, expert->bytes.data(), sizeof values);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(values[i], static_cast<float>(18 + i));
  EXPECT_FALSE(model->expert("blk.1.ffn_gate_exps.weight", 8).has_value());
}

TEST(GgufModel, ErrorsNameTheTensor) {
  const auto model = open("llama.gguf");
  const auto missing = model->tensor("blk.0.attn_q.weight");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_NE(missing.error().message.find("'blk.0.attn_q.weight'"), std::string::npos);
  const auto wrong = model->tensor("blk.0.attn_k.weight", Shape{{32, 32}, 2});
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().code, Code::kCorrupt);
  EXPECT_EQ(wrong.error().message,
            "tensor 'blk.0.attn_k.weight' has shape [16, 32]; this model needs [32, 32]");
  EXPECT_NE(wrong.error().where.find("llama.gguf"), std::string::npos);
}

}  // namespace
}  // namespace holdfast
