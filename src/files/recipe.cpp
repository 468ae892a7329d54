#include "files/recipe.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace holdfast {
namespace {

constexpr std::array kRecipes{
    Recipe{"f32", DType::kF32, 0},        Recipe{"f16", DType::kF16, 1},
    Recipe{"bf16", DType::kBF16, 32},     Recipe{"q8_0", DType::kQ8_0, 7},
    Recipe{"q4_0", DType::kQ4_0, 2},      Recipe{"q4_1", DType::kQ4_1, 3},
    Recipe{"q5_0", DType::kQ5_0, 8},      Recipe{"q5_1", DType::kQ5_1, 9},
    Recipe{"q2_k", DType::kQ2_K, 10},     Recipe{"q3_k_s", DType::kQ3_K, 11},
    Recipe{"q3_k_m", DType::kQ3_K, 12},   Recipe{"q3_k_l", DType::kQ3_K, 13},
    Recipe{"q4_k_s", DType::kQ4_K, 14},   Recipe{"q4_k_m", DType::kQ4_K, 15},
    Recipe{"q5_k_s", DType::kQ5_K, 16},   Recipe{"q5_k_m", DType::kQ5_K, 17},
    Recipe{"q6_k", DType::kQ6_K, 18},     Recipe{"iq4_nl", DType::kIQ4_NL, 25},
    Recipe{"iq4_xs", DType::kIQ4_XS, 30},
};

bool is_float(DType type) {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
}

// -1 outside the layers.
int32_t layer_of(std::string_view name) {
  int32_t layer = -1;
  if (name.starts_with("blk.")) std::from_chars(name.data() + 4, name.data() + name.size(), layer);
  return layer;
}

bool has(std::string_view name, std::string_view part) {
  return name.find(part) != std::string_view::npos;
}

bool stays_f32(std::string_view name, const Shape& shape) {
  return shape.rank < 2 || !name.ends_with(".weight") || name.ends_with("_norm.weight") ||
         has(name, "ffn_gate_inp.");
}

// The first and last eighth of the layers, and every third between: where more bits help most.
bool gets_more_bits(int32_t layer, int32_t layers) {
  return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

DType for_value_projection(std::string_view recipe, DType base, int32_t layer,
                           const ModelConfig& config) {
  const bool grouped = config.kv_heads > 0 && config.heads / config.kv_heads >= 4;
  DType type = base;
  if (recipe == "q2_k") type = grouped ? DType::kQ4_K : DType::kQ3_K;
  if (recipe == "q3_k_m") type = layer < 2 ? DType::kQ5_K : DType::kQ4_K;
  if (recipe == "q3_k_l") type = DType::kQ5_K;
  if ((recipe == "iq4_nl" || recipe == "iq4_xs") && grouped) type = DType::kQ5_K;
  if ((recipe == "q4_k_m" || recipe == "q5_k_m") && gets_more_bits(layer, config.layers))
    type = DType::kQ6_K;
  if (recipe == "q4_k_s" && layer < 4) type = DType::kQ5_K;
  // 80 layers with 8 heads to a value: the matrix is small beside its weight in the result.
  if (config.layers == 80 && config.heads == 8 * config.kv_heads &&
      (type == DType::kQ3_K || type == DType::kQ4_K))
    type = DType::kQ5_K;
  return type;
}

DType for_ffn_down(std::string_view recipe, DType base, int32_t layer, int32_t layers) {
  const bool early = layer < layers / 8;
  if (recipe == "q2_k") return DType::kQ3_K;
  if (recipe == "q3_k_m") return layer < layers / 16 ? DType::kQ5_K : DType::kQ4_K;
  if (recipe == "q3_k_l") return DType::kQ5_K;
  if ((recipe == "q4_k_m" || recipe == "q5_k_m") && gets_more_bits(layer, layers))
    return DType::kQ6_K;
  if ((recipe == "q4_k_s" || recipe == "iq4_nl" || recipe == "iq4_xs") && early)
    return DType::kQ5_K;
  return base;
}

DType for_attention_output(std::string_view recipe, DType base) {
  if (recipe == "q2_k") return DType::kQ3_K;
  if (recipe == "q3_k_m") return DType::kQ4_K;
  if (recipe == "q3_k_l") return DType::kQ5_K;
  return base;
}

DType fallback(DType type, int64_t cols) {
  const auto fits = [&](DType candidate) { return cols % dtype_info(candidate).block_size == 0; };
  if (fits(type)) return type;
  DType small = DType::kQ8_0;
  if (type == DType::kIQ4_XS) small = DType::kIQ4_NL;
  if (type == DType::kQ2_K || type == DType::kQ3_K) small = DType::kQ4_0;
  if (type == DType::kQ4_K) small = DType::kQ5_0;
  if (type == DType::kQ5_K) small = DType::kQ5_1;
  return fits(small) ? small : DType::kF16;
}

}  // namespace

const Recipe* find_recipe(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto it = std::ranges::find(kRecipes, std::string_view(lower), &Recipe::name);
  return it == kRecipes.end() ? nullptr : &*it;
}

std::string recipe_names() {
  std::string out;
  for (const Recipe& recipe : kRecipes) {
    if (!out.empty()) out += ", ";
    out += recipe.name;
  }
  return out;
}

DType recipe_type(const Recipe& recipe, const ModelConfig& config, std::string_view name,
                  const Shape& shape) {
  if (stays_f32(name, shape)) return DType::kF32;
  if (is_float(recipe.base)) return recipe.base;
  const int32_t layer = layer_of(name);
  DType type = recipe.base;
  if (name == "output.weight" || (name == "token_embd.weight" && config.tied_embeddings)) {
    type = type == DType::kQ8_0 ? type : DType::kQ6_K;
  } else if (has(name, ".attn_v.") || has(name, ".attn_kv_b.")) {
    type = for_value_projection(recipe.name, type, layer, config);
  } else if (has(name, ".ffn_down")) {
    type = for_ffn_down(recipe.name, type, layer, config.layers);
  } else if (has(name, ".attn_output.")) {
    type = for_attention_output(recipe.name, type);
  }
  return fallback(type, shape[shape.rank - 1]);
}

}  // namespace holdfast
