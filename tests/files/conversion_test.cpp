// From Hugging Face directories into GGUF and back into our reader.

#include "files/conversion.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <numeric>

#include <gtest/gtest.h>

#include "files/gguf_export.h"
#include "files/tensor_rows.h"
#include "temporary_folder.h"

namespace holdfast {
namespace {

const std::string kGolden = HOLDFAST_SOURCE_DIR "/tests/golden/files/";

float expected(std::string_view name, int64_t i) {  // as make_hf.py makes them
  const auto seed = std::accumulate(name.begin(), name.end(), int64_t{0}, [](int64_t sum, char c) {
    return sum + static_cast<unsigned char>(c);
  });
  return static_cast<float>((seed + i) % 13 - 6);
}

class Converted {
 public:
  Converted(const std::string& from, std::string_view recipe) {
    auto conversion = open_conversion(from);
    EXPECT_TRUE(conversion.has_value()) << to_string(conversion.error());
    if (!conversion) return;
    source = conversion->model;
    const std::string path = folder_.file("out.gguf");
    ExportOptions options;
    options.threads = 2;
    const Status done = export_gguf(*conversion, *find_recipe(recipe), path, options);
    EXPECT_TRUE(done.has_value()) << to_string(done.error());
    if (!done) return;
    auto opened = ModelFile::open(path);
    EXPECT_TRUE(opened.has_value()) << to_string(opened.error());
    model = opened.value_or(nullptr);
  }

  std::vector<float> values(const std::string& name, const Shape& shape, DType type) const {
    const auto view = model->tensor(name, shape);
    EXPECT_TRUE(view.has_value()) << to_string(view.error());
    if (!view) return {};
    EXPECT_EQ(view->type, type) << name;
    std::vector<float> out(static_cast<std::size_t>(shape.elements()));
    read_rows(*view, 0, row_count(shape), out.data());
    return out;
  }

  std::shared_ptr<const ModelFile> source, model;

 private:
  TemporaryFolder folder_;
};

void expect_same_config(const ModelConfig& a, const ModelConfig& b) {
  EXPECT_EQ(a.architecture, b.architecture);
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.layers, b.layers);
  EXPECT_EQ(a.hidden, b.hidden);
  EXPECT_EQ(a.ffn, b.ffn);
  EXPECT_EQ(a.heads, b.heads);
  EXPECT_EQ(a.kv_heads, b.kv_heads);
  EXPECT_EQ(a.head_dim, b.head_dim);
  EXPECT_EQ(a.vocab, b.vocab);
  EXPECT_EQ(a.context, b.context);
  EXPECT_EQ(a.norm_eps, b.norm_eps);
  EXPECT_EQ(a.tied_embeddings, b.tied_embeddings);
  EXPECT_EQ(a.rope.theta, b.rope.theta);
  EXPECT_EQ(a.rope.dim, b.rope.dim);
  EXPECT_FLOAT_EQ(a.rope.mscale_all_dim, b.rope.mscale_all_dim);
  EXPECT_EQ(a.moe.experts, b.moe.experts);
  EXPECT_EQ(a.moe.used, b.moe.used);
  EXPECT_EQ(a.moe.shared, b.moe.shared);
  EXPECT_EQ(a.moe.ffn, b.moe.ffn);
  EXPECT_EQ(a.moe.dense_layers, b.moe.dense_layers);
  EXPECT_EQ(a.moe.groups, b.moe.groups);
  EXPECT_EQ(a.moe.used_groups, b.moe.used_groups);
  EXPECT_EQ(a.moe.score, b.moe.score);
  EXPECT_EQ(a.moe.group_score_top2, b.moe.group_score_top2);
  EXPECT_EQ(a.moe.normalize_weights, b.moe.normalize_weights);
  EXPECT_EQ(a.moe.weight_scale, b.moe.weight_scale);
  EXPECT_EQ(a.mla.q_rank, b.mla.q_rank);
  EXPECT_EQ(a.mla.kv_rank, b.mla.kv_rank);
  EXPECT_EQ(a.mla.nope_dim, b.mla.nope_dim);
  EXPECT_EQ(a.mla.rope_dim, b.mla.rope_dim);
  EXPECT_EQ(a.mla.value_dim, b.mla.value_dim);
  EXPECT_EQ(a.sampling.temperature, b.sampling.temperature);
  EXPECT_EQ(a.sampling.top_p, b.sampling.top_p);
}

TEST(Conversion, Fp8DirectoryToF32) {
  const Converted converted(kGolden + "hf_fp8", "f32");
  ASSERT_NE(converted.model, nullptr);
  expect_same_config(converted.source->config(), converted.model->config());
  EXPECT_EQ(converted.model->config().rope.scaling, RopeScaling::kYarn);
  EXPECT_EQ(converted.model->config().rope.original_context, 4096);

  const auto kv = converted.values("blk.0.attn_kv_a_mqa.weight", Shape{{20, 16}, 2}, DType::kF32);
  for (int64_t r = 0; r < 20; ++r) {
    for (int64_t c = 0; c < 16; ++c) {
      const auto scale = static_cast<float>(r / 8 * 2 + c / 8 + 1);
      EXPECT_EQ(kv[static_cast<std::size_t>(16 * r + c)],
                scale * expected("model.layers.0.self_attn.kv_a_proj_with_mqa.weight", 16 * r + c));
    }
  }
  const auto up = converted.values("blk.1.ffn_up_exps.weight", Shape{{4, 8, 16}, 3}, DType::kF32);
  for (std::size_t e = 0; e < 4; ++e) {
    const std::string name = "model.layers.1.mlp.experts." + std::to_string(e) + ".up_proj.weight";
    for (std::size_t i = 0; i < 128; ++i) {
      const float scale = i % 16 < 8 ? 1.0f : 2.0f;
      EXPECT_EQ(up[128 * e + i], scale * expected(name, static_cast<int64_t>(i)));
    }
  }
  EXPECT_EQ(converted.model->tokenizer().chat_template, "D");
}

TEST(Conversion, SplitsKvB) {
  const Converted converted(kGolden + "hf_fused", "f32");
  ASSERT_NE(converted.model, nullptr);
  const std::string name = "model.layers.0.self_attn.kv_b_proj.weight";  // [2 * (8 + 8), 16]
  const auto k = converted.values("blk.0.attn_k_b.weight", Shape{{2, 16, 8}, 3}, DType::kF32);
  const auto v = converted.values("blk.0.attn_v_b.weight", Shape{{2, 8, 16}, 3}, DType::kF32);
  for (int64_t h = 0; h < 2; ++h) {
    for (int64_t n = 0; n < 8; ++n) {
      for (int64_t c = 0; c < 16; ++c) {
        EXPECT_EQ(k[static_cast<std::size_t>(h * 128 + c * 8 + n)],
                  expected(name, (h * 16 + n) * 16 + c));
        EXPECT_EQ(v[static_cast<std::size_t>(h * 128 + n * 16 + c)],
                  expected(name, (h * 16 + 8 + n) * 16 + c));
      }
    }
  }
  EXPECT_FALSE(converted.model->has("blk.0.attn_kv_b.weight"));
}

TEST(Conversion, LlamaWithTokenizer) {
  const Converted converted(kGolden + "hf_llama", "f16");
  ASSERT_NE(converted.model, nullptr);
  expect_same_config(converted.source->config(), converted.model->config());
  EXPECT_EQ(converted.model->config().rope.style, RopeStyle::kInterleaved);
  EXPECT_EQ(converted.model->config().rope.freq_divisors.size(), 4u);

  // Rows (p, j) of a head, p the half, become rows (j, p).
  const auto q = converted.values("blk.0.attn_q.weight", Shape{{32, 32}, 2}, DType::kF16);
  const auto bias = converted.values("blk.0.attn_k.bias", Shape{{16}, 1}, DType::kF32);
  for (int64_t h = 0; h < 4; ++h) {
    for (int64_t j = 0; j < 4; ++j) {
      for (int64_t p = 0; p < 2; ++p) {
        const int64_t to = 8 * h + 2 * j + p, from = 8 * h + 4 * p + j;
        for (int64_t c = 0; c < 32; ++c)
          EXPECT_EQ(q[static_cast<std::size_t>(32 * to + c)],
                    expected("model.layers.0.self_attn.q_proj.weight", 32 * from + c));
        if (h >= 2) continue;  // two heads of keys
        EXPECT_EQ(bias[static_cast<std::size_t>(to)],
                  expected("model.layers.0.self_attn.k_proj.bias", from));
      }
    }
  }

  const TokenizerData& tokenizer = converted.model->tokenizer();
  EXPECT_EQ(tokenizer.model, "gpt2");
  EXPECT_EQ(tokenizer.pre, "llama-bpe");
  ASSERT_EQ(tokenizer.tokens.size(), 272u);
  EXPECT_EQ(tokenizer.bos, 0);
  EXPECT_EQ(tokenizer.eos, 1);
  EXPECT_EQ(tokenizer.eot, 2);
  EXPECT_EQ(tokenizer.add_bos, true);
  EXPECT_EQ(tokenizer.tokens[0], "<|begin|>");
  EXPECT_EQ(tokenizer.types[0], 3);
  EXPECT_EQ(tokenizer.tokens[270], "<think>");
  EXPECT_EQ(tokenizer.types[270], 4);
  EXPECT_EQ(tokenizer.tokens[271], "[PAD271]");
  EXPECT_EQ(tokenizer.types[271], 5);
  EXPECT_EQ(tokenizer.merges.size(), 270u - 259u);
  EXPECT_EQ(tokenizer.merges[0], "a t");
}

TEST(Conversion, QuantizesAndFallsBack) {
  const Converted converted(kGolden + "hf_llama", "q4_k_m");
  ASSERT_NE(converted.model, nullptr);
  // Rows of 32 and 48 values hold no block of 256.
  const auto q = converted.values("blk.0.attn_q.weight", Shape{{32, 32}, 2}, DType::kQ5_0);
  converted.values("token_embd.weight", Shape{{272, 32}, 2}, DType::kQ8_0);  // tied: the output
  converted.values("blk.0.ffn_down.weight", Shape{{32, 48}, 2}, DType::kF16);
  EXPECT_NEAR(q[0], expected("model.layers.0.self_attn.q_proj.weight", 0), 0.4);
}

TEST(Conversion, GgufToGgufKeepsMetadata) {
  const Converted converted(kGolden + "llama.gguf", "q8_0");
  ASSERT_NE(converted.model, nullptr);
  expect_same_config(converted.source->config(), converted.model->config());
  EXPECT_EQ(converted.source->tokenizer().tokens, converted.model->tokenizer().tokens);
  EXPECT_EQ(converted.source->tokenizer().chat_template,
            converted.model->tokenizer().chat_template);
  converted.values("blk.0.attn_k.weight", Shape{{16, 32}, 2}, DType::kQ8_0);
  converted.values("blk.0.attn_norm.weight", Shape{{32}, 1}, DType::kF32);
}

TEST(Conversion, RefusesWhatIsNotFinite) {
  Conversion conversion;
  conversion.config.architecture = "llama";
  conversion.tensors.push_back({"blk.0.attn_q.weight",
                                Shape{{2, 32}, 2},
                                [](int64_t, int64_t rows, float* out) {
                                  std::fill_n(out, rows * 32, 1.0f);
                                  out[7] = NAN;
                                },
                                {}});
  const TemporaryFolder folder;
  const Status done =
      export_gguf(conversion, *find_recipe("q8_0"), folder.file("out.gguf"), ExportOptions{});
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, Code::kCorrupt);
  EXPECT_NE(done.error().message.find("'blk.0.attn_q.weight'"), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));  // nothing half-written is left
}

TEST(Recipe, MixesTypesAsThePeerDoes) {
  ModelConfig config;
  config.layers = 24;
  config.heads = 8;
  config.kv_heads = 2;
  const Shape shape{{256, 512}, 2};
  const auto type = [&](std::string_view recipe, std::string_view name) {
    return recipe_type(*find_recipe(recipe), config, name, shape);
  };
  EXPECT_EQ(type("q4_k_m", "output.weight"), DType::kQ6_K);
  EXPECT_EQ(type("q4_k_m", "token_embd.weight"), DType::kQ4_K);
  EXPECT_EQ(type("q4_k_m", "blk.0.ffn_down.weight"), DType::kQ6_K);
  EXPECT_EQ(type("q4_k_m", "blk.3.ffn_down.weight"), DType::kQ4_K);
  EXPECT_EQ(type("q4_k_m", "blk.5.ffn_down.weight"), DType::kQ6_K);
  EXPECT_EQ(type("q4_k_m", "blk.23.attn_v.weight"), DType::kQ6_K);
  EXPECT_EQ(type("q4_k_m", "blk.4.attn_v.weight"), DType::kQ4_K);
  EXPECT_EQ(type("q4_k_s", "blk.3.attn_v.weight"), DType::kQ5_K);
  EXPECT_EQ(type("Q3_K_M", "blk.9.attn_output.weight"), DType::kQ4_K);
  EXPECT_EQ(type("q2_k", "blk.9.attn_v.weight"), DType::kQ4_K);
  EXPECT_EQ(type("iq4_xs", "blk.0.ffn_down_exps.weight"), DType::kQ5_K);
  EXPECT_EQ(type("bf16", "blk.0.ffn_gate_inp.weight"), DType::kF32);
  EXPECT_EQ(type("bf16", "blk.0.ffn_up.weight"), DType::kBF16);
  EXPECT_EQ(find_recipe("q7"), nullptr);
}

}  // namespace
}  // namespace holdfast
