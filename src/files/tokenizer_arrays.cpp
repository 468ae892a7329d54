#include "files/tokenizer_arrays.h"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>
#include <simdjson.h>

#include "files/describe.h"
#include "files/json_fields.h"

namespace holdfast {
namespace {

namespace dom = simdjson::dom;

constexpr int32_t kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6;

tl::unexpected<Error> corrupt(std::string message, const std::string& where) {
  return fail(Code::kCorrupt, std::move(message), where, "Fetch the tokenizer's files again");
}

std::string text_of(const dom::element& object, std::string_view key) {
  std::string_view text;
  return object[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

class Reader {
 public:
  Reader(const dom::element& root, const ModelConfig& config, std::string where, TokenizerData& out)
      : root_(root), config_(config), where_(std::move(where)), out_(out) {}

  Status run() {
    if (text_of(root_["model"].value(), "type") != "BPE") {
      return fail(Code::kUnimplemented,
                  fmt::format("a tokenizer of type '{}'; BPE is converted",
                              printable(text_of(root_["model"].value(), "type"))),
                  where_ + ", $.model.type");
    }
    RETURN_IF_ERROR(read_vocabulary());
    RETURN_IF_ERROR(read_merges());
    RETURN_IF_ERROR(read_added());
    bool byte_fallback = false;
    if (root_["model"]["byte_fallback"].get(byte_fallback) != simdjson::SUCCESS)
      byte_fallback = false;
    return byte_fallback ? finish_sentencepiece() : finish_byte_level();
  }

  std::optional<int32_t> find(std::string_view token) const {
    const auto it = ids_.find(std::string(token));
    return it == ids_.end() ? std::nullopt : std::optional(it->second);
  }

 private:
  Status put(std::string token, int64_t id, int32_t type) {
    if (id < 0 || id >= config_.vocab) {
      return corrupt(fmt::format("token '{}' has id {}; the model has {} tokens", printable(token),
                                 id, config_.vocab),
                     where_);
    }
    const auto at = static_cast<std::size_t>(id);
    ids_[token] = static_cast<int32_t>(id);
    out_.tokens[at] = std::move(token);
    out_.types[at] = type;
    return {};
  }

  Status read_vocabulary() {
    const auto size = static_cast<std::size_t>(config_.vocab);
    out_.tokens.resize(size);
    out_.types.assign(size, kUnused);
    for (std::size_t i = 0; i < size; ++i) out_.tokens[i] = fmt::format("[PAD{}]", i);
    dom::object vocabulary;
    if (root_["model"]["vocab"].get(vocabulary) != simdjson::SUCCESS)
      return corrupt("the field is missing", where_ + ", $.model.vocab");
    for (const auto field : vocabulary) {
      int64_t id;
      if (field.value.get(id) != simdjson::SUCCESS)
        return corrupt("the field is not an object of numbers", where_ + ", $.model.vocab");
      RETURN_IF_ERROR(put(std::string(field.key), id, kNormal));
    }
    return {};
  }

  // "a b", or since tokenizers 0.20 ["a", "b"].
  Status read_merges() {
    dom::array merges;
    if (root_["model"]["merges"].get(merges) != simdjson::SUCCESS)
      return corrupt("the field is missing", where_ + ", $.model.merges");
    for (const dom::element merge : merges) {
      std::string_view text, left, right;
      if (merge.get(text) == simdjson::SUCCESS) {
        out_.merges.emplace_back(text);
      } else if (merge.at(0).get(left) == simdjson::SUCCESS &&
                 merge.at(1).get(right) == simdjson::SUCCESS) {
        out_.merges.push_back(fmt::format("{} {}", left, right));
      } else {
        return corrupt("the field is not an array of pairs", where_ + ", $.model.merges");
      }
    }
    return {};
  }

  Status read_added() {
    dom::array added;
    if (root_["added_tokens"].get(added) != simdjson::SUCCESS) return {};
    for (const dom::element token : added) {
      int64_t id;
      bool special = false;
      if (token["id"].get(id) != simdjson::SUCCESS ||
          token["special"].get(special) != simdjson::SUCCESS)
        return corrupt("the field lacks id or special", where_ + ", $.added_tokens");
      RETURN_IF_ERROR(put(text_of(token, "content"), id, special ? kControl : kUserDefined));
    }
    return {};
  }

  Status finish_byte_level() {
    out_.model = "gpt2";
    std::vector<std::string> patterns;
    bool digits = false;
    dom::element steps;
    if (root_["pre_tokenizer"].get(steps) == simdjson::SUCCESS) collect(steps, patterns, digits);
    out_.pre = pretokenizer_name(patterns, digits);
    if (out_.pre.empty()) {
      return fail(Code::kUnimplemented,
                  "GGUF has no name that we know for this tokenizer's pre-tokenizer",
                  where_ + ", $.pre_tokenizer",
                  "Serve the Hugging Face directory itself, or convert it with another tool");
    }
    return {};
  }

  void collect(const dom::element& element, std::vector<std::string>& patterns,
               bool& digits) const {
    if (!element.is_object()) return;
    dom::array inner;
    if (element["pretokenizers"].get(inner) == simdjson::SUCCESS) {
      for (const dom::element one : inner) collect(one, patterns, digits);
      return;
    }
    const std::string type = text_of(element, "type");
    if (type == "Digits") digits = true;
    bool own_pattern = true;  // ByteLevel splits by GPT-2's pattern unless told not to
    if (element["use_regex"].get(own_pattern) != simdjson::SUCCESS) own_pattern = true;
    if (type == "ByteLevel" && own_pattern) patterns.push_back(pretokenizer_patterns("gpt-2")[0]);
    std::string_view pattern;
    if (type == "Split" && element["pattern"]["Regex"].get(pattern) == simdjson::SUCCESS)
      patterns.emplace_back(pattern);
  }

  // SentencePiece BPE merges the pair whose result has the highest score; Hugging Face numbers the
  // merges in that order instead. So a token's score is less the later its first merge comes.
  Status finish_sentencepiece() {
    out_.model = "llama";
    out_.pre = "default";
    out_.scores.assign(out_.tokens.size(), 0.0f);
    std::unordered_map<std::string, std::size_t> rank;
    for (std::size_t i = 0; i < out_.merges.size(); ++i) {
      std::string merged = out_.merges[i];
      merged.erase(std::min(merged.find(' '), merged.size() - 1), 1);
      rank.emplace(std::move(merged), i);
    }
    for (std::size_t i = 0; i < out_.tokens.size(); ++i) {
      const std::string& token = out_.tokens[i];
      if (token.size() == 6 && token.starts_with("<0x") && token.back() == '>')
        out_.types[i] = kByte;
      const auto it = rank.find(token);
      if (it != rank.end()) {
        out_.scores[i] = -static_cast<float>(it->second);
      } else if (out_.types[i] == kNormal) {
        out_.scores[i] = -static_cast<float>(rank.size() + i);
      }
    }
    if (const auto unknown = find(text_of(root_["model"].value(), "unk_token"))) {
      out_.types[static_cast<std::size_t>(*unknown)] = kUnknown;
      out_.unk = unknown;
    }
    out_.merges.clear();
    return {};
  }

  const dom::element root_;
  const ModelConfig& config_;
  const std::string where_;
  TokenizerData& out_;
  std::unordered_map<std::string, int32_t> ids_;
};

// "<s>", or {"content": "<s>", ...}.
Result<std::optional<std::string>> special_text(const JsonObject& json, std::string_view key) {
  const auto as_object = json.get_object(key);
  if (as_object && *as_object) return (*as_object)->get_string("content");
  return json.get_string(key);
}

// Whether the post-processor puts `bos` in front.
bool template_adds(const dom::element& root, std::string_view bos) {
  const auto in = [&](const dom::element& step) {
    std::string_view id;
    return step["single"].at(0)["SpecialToken"]["id"].get(id) == simdjson::SUCCESS && id == bos;
  };
  dom::element post;
  if (root["post_processor"].get(post) != simdjson::SUCCESS) return false;
  dom::array steps;
  if (post["processors"].get(steps) != simdjson::SUCCESS) return in(post);
  return std::any_of(steps.begin(), steps.end(), in);
}

Status read_special(const Reader& reader, const dom::element& root, const std::string& directory,
                    TokenizerData& out) {
  if (!out.tokenizer_config_json.empty()) {
    ASSIGN_OR_RETURN(
        const JsonDocument document,
        JsonDocument::parse(directory + "/tokenizer_config.json", out.tokenizer_config_json));
    const JsonObject json = document.root();
    const auto read = [&](std::string_view key, std::optional<int32_t>& id) -> Status {
      ASSIGN_OR_RETURN(const auto text, special_text(json, key));
      if (text) id = reader.find(*text);
      return {};
    };
    RETURN_IF_ERROR(read("bos_token", out.bos));
    RETURN_IF_ERROR(read("eos_token", out.eos));
    RETURN_IF_ERROR(read("pad_token", out.pad));
    if (!out.unk) RETURN_IF_ERROR(read("unk_token", out.unk));
    ASSIGN_OR_RETURN(out.add_bos, json.get_bool("add_bos_token"));
    ASSIGN_OR_RETURN(out.add_eos, json.get_bool("add_eos_token"));
    ASSIGN_OR_RETURN(out.add_space_prefix, json.get_bool("add_prefix_space"));
  }
  if (!out.generation_config_json.empty()) {
    ASSIGN_OR_RETURN(
        const JsonDocument document,
        JsonDocument::parse(directory + "/generation_config.json", out.generation_config_json));
    const JsonObject json = document.root();
    const auto list = json.get_ints("eos_token_id");  // a list of ids, or one
    const auto one = json.get_int("eos_token_id");
    std::vector<int64_t> ids;
    if (list && *list) ids = **list;
    if (one && *one) ids = {**one};
    for (const int64_t id : ids) {
      if (id < 0 || id >= static_cast<int64_t>(out.tokens.size())) continue;
      if (!out.eos) out.eos = static_cast<int32_t>(id);
      if (!out.eot && id != *out.eos) out.eot = static_cast<int32_t>(id);
    }
  }
  if (!out.add_bos)
    out.add_bos = out.bos && template_adds(root, out.tokens[static_cast<std::size_t>(*out.bos)]);
  return {};
}

}  // namespace

Result<TokenizerData> tokenizer_arrays(const TokenizerData& data, const ModelConfig& config,
                                       const std::string& directory) {
  TokenizerData out = data;
  if (data.tokenizer_json.empty()) return out;
  const std::string where = directory + "/tokenizer.json";
  dom::parser parser;
  dom::element root;
  if (const auto error = parser.parse(data.tokenizer_json).get(root))
    return corrupt(fmt::format("the text is not JSON: {}", simdjson::error_message(error)), where);
  if (!root["model"].is_object()) return corrupt("the field is missing", where + ", $.model");
  Reader reader(root, config, where, out);
  RETURN_IF_ERROR(reader.run());
  RETURN_IF_ERROR(read_special(reader, root, directory, out));
  if (out.pre == "qwen2" && reader.find("<｜begin▁of▁sentence｜>")) out.pre = "deepseek-r1-qwen";
  return out;
}

}  // namespace holdfast
