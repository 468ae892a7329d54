// The pre-tokenizers of tokenizer.json files that GGUF knows by a name.

#include <array>

#include "files/tokenizer_arrays.h"

namespace holdfast {
namespace {

constexpr const char* kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr const char* kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kDigits3 = R"(\p{N}{1,3})";
constexpr const char* kCjkAndKana = "[一-龥぀-ゟ゠-ヿ]+";
constexpr const char* kDeepSeekV3 =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+)"
    R"(| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

struct Row {
  std::string_view name;
  std::array<std::string_view, 3> steps;  // empty ones are none

  std::vector<std::string> patterns() const {
    std::vector<std::string> out;
    for (const std::string_view step : steps) {
      if (!step.empty()) out.emplace_back(step);
    }
    return out;
  }
};

constexpr std::array kRows{
    Row{"gpt-2", {kGpt2}},
    Row{"qwen2", {kQwen2}},
    Row{"llama-bpe", {kLlama3}},
    Row{"deepseek-v3", {kDigits3, kCjkAndKana, kDeepSeekV3}},
};

}  // namespace

std::string pretokenizer_name(const std::vector<std::string>& patterns, bool individual_digits) {
  for (const Row& row : kRows) {
    if (!individual_digits && patterns == row.patterns()) return std::string(row.name);
  }
  // DeepSeek's first two tokenizers are told by their second pattern: letters of any script, or a
  // list of hundreds of ranges.
  if (individual_digits && patterns.size() >= 4 && patterns[0] == R"([\r\n])") {
    if (patterns[1] == R"(\s?\p{L}+)") return "deepseek-coder";
    if (patterns[1].starts_with(R"(\s?[A-Za-z)")) return "deepseek-llm";
  }
  return "";
}

std::vector<std::string> pretokenizer_patterns(std::string_view name) {
  if (name == "deepseek-r1-qwen") name = "qwen2";
  for (const Row& row : kRows) {
    if (row.name == name) return row.patterns();
  }
  return {};
}

}  // namespace holdfast
