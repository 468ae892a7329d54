// The pre-tokenizers that GGUF files know by name. The patterns are those of the models' own
// tokenizer.json files.

#include <array>

#include "base/check.h"
#include "text/pretokenizer.h"

namespace holdfast {

namespace {

constexpr const char* kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr const char* kDeepSeekV3 =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+)"
    R"(| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kCjkAndKana = R"([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)";

// Everything from U+0800 to the last CJK ideograph of Unicode 1, and Hangul: as the models have it.
constexpr const char* kDeepSeekEastAsian =
    R"([\x{4E00}-\x{9FA5}\x{0800}-\x{4E00}\x{AC00}-\x{D7FF}]+)";
// The letters that have case, as of Unicode 11.
constexpr const char* kDeepSeekLlmWord =
    R"(\s?[)"
    R"(A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293})"
    R"(\x{295}-\x{2AF}\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386})"
    R"(\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1}\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F})"
    R"(\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA})"
    R"(\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}\x{1D79}-\x{1D9A})"
    R"(\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D})"
    R"(\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4})"
    R"(\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3})"
    R"(\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102}\x{2107})"
    R"(\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124}\x{2126}\x{2128}\x{212A}-\x{212D})"
    R"(\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E}\x{2183}\x{2184})"
    R"(\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D})"
    R"(\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787}\x{A78B}-\x{A78E})"
    R"(\x{AB70}-\x{ABBF}\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A})"
    R"(\x{FF41}-\x{FF5A}\x{10400}-\x{1044F}\x{104B0}-\x{104D3}\x{104D8}-\x{104FB})"
    R"(\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF}\x{1E900}-\x{1E943})"
    R"(]+)";
constexpr const char* kDeepSeekLlmSigns =
    R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+)";

struct Row {  // what is not used stays empty
  std::array<std::string_view, 3> names;
  std::array<std::string_view, 6> patterns;  // all isolate what they match
  bool nfc, ignore_merges, adds_bos;
};

constexpr std::array kRows{
    Row{{"qwen2", "deepseek-r1-qwen"}, {kQwen2}, true, false, false},
    Row{{"llama-bpe", "llama3", "llama-v3"}, {kLlama3}, false, true, true},
    Row{{"deepseek-v3"}, {R"(\p{N}{1,3})", kCjkAndKana, kDeepSeekV3}, false, false, true},
    Row{{"deepseek-llm"},
        {R"([\r\n])", kDeepSeekLlmWord, kDeepSeekLlmSigns, R"(\s+$)", kDeepSeekEastAsian,
         R"(\p{N}+)"},
        false,
        false,
        true},
    Row{{"deepseek-coder"},
        {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", kDeepSeekEastAsian, R"(\p{N})"},
        false,
        false,
        true},
    Row{{"gpt-2", "phi-2"}, {kGpt2Pattern}, false, false, false},
};

}  // namespace

Result<NamedPreTokenizer> named_pretokenizer(std::string_view name) {
  std::string known;
  for (const Row& row : kRows) {
    for (const std::string_view candidate : row.names) {
      if (candidate.empty()) break;
      known += (known.empty() ? "" : ", ") + std::string(candidate);
      if (candidate != name) continue;
      NamedPreTokenizer result;
      for (const std::string_view pattern : row.patterns) {
        if (pattern.empty()) break;
        auto regex = Regex::compile(pattern);
        CHECK(regex.has_value()) << regex.error().message;
        SplitStep step{std::move(*regex)};
        result.steps.push_back(std::move(step));
      }
      result.nfc = row.nfc;
      result.ignore_merges = row.ignore_merges;
      result.adds_bos = row.adds_bos;
      return result;
    }
  }
  return fail(Code::kUnimplemented, "the pre-tokenizer \"" + std::string(name) + "\" is not known",
              "tokenizer.ggml.pre", "known are " + known);
}

}  // namespace holdfast
