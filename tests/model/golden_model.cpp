#include "golden_model.h"

#include <bit>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include <fmt/format.h>
#include <simdjson.h>
#include <unistd.h>

namespace holdfast {
namespace fs = std::filesystem;
namespace {

const fs::path kFolder = fs::path(HOLDFAST_SOURCE_DIR) / "tests/golden/models";

template <class T>
std::vector<T> numbers(simdjson::dom::array array) {
  std::vector<T> out;
  for (simdjson::dom::element e : array) {
    if constexpr (std::is_floating_point_v<T>) {
      out.push_back(static_cast<T>(double(e)));
    } else {
      out.push_back(static_cast<T>(int64_t(e)));
    }
  }
  return out;
}

uint64_t hash_key(const std::string& name, uint64_t seed) {
  uint64_t key = 0xCBF29CE484222325u;  // FNV-1a
  for (const unsigned char byte : name) key = (key ^ byte) * 0x100000001B3u;
  return key ^ (seed * 0x9E3779B97F4A7C15u);
}

uint64_t mix(uint64_t z) {  // the finish of splitmix64
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

}  // namespace

std::vector<std::string> golden_names() {
  return {"llama",
          "llama_tied_llama3_rope",
          "llama_linear_rope",
          "qwen2",
          "qwen2_tied_yarn",
          "qwen3",
          "deepseek_v2_lite",
          "deepseek_v2_groups",
          "deepseek_v3",
          "deepseek_v3_uneven_mscale"};
}

Golden read_golden(const std::string& name) {
  simdjson::dom::parser parser;
  const simdjson::dom::element doc = parser.load((kFolder / (name + ".json")).string());
  Golden golden;
  golden.config_json = simdjson::minify(doc["config"]);
  golden.seed = uint64_t(doc["seed"]);
  for (simdjson::dom::element t : doc["tensors"]) {
    golden.tensors.push_back({std::string(std::string_view(t.at(0))), numbers<int64_t>(t.at(1)),
                              static_cast<float>(double(t.at(2))),
                              static_cast<float>(double(t.at(3)))});
  }
  for (simdjson::dom::element p : doc["prompts"]) {
    GoldenPrompt prompt{numbers<int32_t>(p["tokens"]), numbers<int32_t>(p["greedy"]), {}};
    for (simdjson::dom::element row : p["logits"]) {
      prompt.logits.emplace_back(static_cast<int>(int64_t(row.at(0))), numbers<float>(row.at(1)));
    }
    golden.prompts.push_back(std::move(prompt));
  }
  return golden;
}

std::vector<float> golden_weights(const Golden& golden, const GoldenTensor& tensor) {
  std::size_t count = 1;
  for (const int64_t n : tensor.shape) count *= static_cast<std::size_t>(n);
  const uint64_t key = hash_key(tensor.name, golden.seed);
  std::vector<float> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    const uint64_t z = mix(key + (i + 1) * 0x9E3779B97F4A7C15u);
    const float unit = static_cast<float>(z >> 40) * 0x1p-23f - 1.0f;
    out[i] = tensor.centre + unit * tensor.amplitude;
  }
  return out;
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (fs::temp_directory_path() / "holdfast-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp " + pattern);
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void write_hugging_face(const Golden& golden, const fs::path& folder) {
  std::ofstream(folder / "config.json") << golden.config_json;

  std::string header = "{", data;
  for (const GoldenTensor& tensor : golden.tensors) {
    const std::vector<float> values = golden_weights(golden, tensor);
    const std::size_t begin = data.size();
    data.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
    header += fmt::format(R"({}"{}":{{"dtype":"F32","shape":[{}],"data_offsets":[{},{}]}})",
                          header.size() > 1 ? "," : "", tensor.name, fmt::join(tensor.shape, ","),
                          begin, data.size());
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const auto length = static_cast<uint64_t>(header.size());
  static_assert(std::endian::native == std::endian::little);
  std::ofstream out(folder / "model.safetensors", std::ios::binary);
  out.write(reinterpret_cast<const char*>(&length), sizeof length);
  out << header << data;
}

}  // namespace holdfast
