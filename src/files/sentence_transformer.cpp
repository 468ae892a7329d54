#include "files/sentence_transformer.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <simdjson.h>

#include "files/describe.h"
#include "files/hf_directory.h"
#include "files/json_fields.h"

namespace holdfast {
namespace {

tl::unexpected<Error> corrupt(const std::string& file, std::string message) {
  return fail(Code::kCorrupt, std::move(message), file);
}

}  // namespace

Result<SentenceModules> parse_sentence_modules(const std::string& file, std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::array modules;
  const simdjson::padded_string padded(text);
  if (parser.parse(padded).get_array().get(modules) != simdjson::SUCCESS) {
    return corrupt(file, "this is no JSON array of modules");
  }
  SentenceModules out;
  for (const simdjson::dom::element module : modules) {
    std::string_view type, path;
    if (module["type"].get_string().get(type) != simdjson::SUCCESS ||
        module["path"].get_string().get(path) != simdjson::SUCCESS) {
      return corrupt(file, "a module without a type or a path");
    }
    const std::string_view name = type.substr(type.rfind('.') + 1);
    if (name == "Transformer" && path.empty() && !out.transformer) {
      out.transformer = true;
    } else if (name == "Pooling" && out.transformer && out.pooling.empty() && !out.normalize) {
      // A folder of this directory, not a way out of it.
      if (path.empty() || path.find('/') != std::string_view::npos ||
          path.find('\0') != std::string_view::npos || path == "." || path == "..") {
        return corrupt(file, fmt::format("'{}' is not a plain folder name", printable(path)));
      }
      out.pooling = path;
    } else if (name == "Normalize" && !out.pooling.empty()) {
      out.normalize = true;
    } else {
      return fail(Code::kUnimplemented,
                  fmt::format("the module '{}' at this place is not supported; a Transformer, its "
                              "Pooling and Normalize are",
                              printable(type)),
                  file);
    }
  }
  return out;
}

Result<Pooling> parse_pooling(const std::string& file, std::string_view text) {
  ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::parse(file, text));
  const JsonObject json = document.root();
  struct Mode {
    const char* key;
    Pooling pooling;  // kNone: not done
  };
  constexpr Mode kModes[] = {{"pooling_mode_mean_tokens", Pooling::kMean},
                             {"pooling_mode_cls_token", Pooling::kCls},
                             {"pooling_mode_lasttoken", Pooling::kLast},
                             {"pooling_mode_max_tokens", Pooling::kNone},
                             {"pooling_mode_mean_sqrt_len_tokens", Pooling::kNone},
                             {"pooling_mode_weightedmean_tokens", Pooling::kNone}};
  Pooling found = Pooling::kNone;
  for (const Mode& mode : kModes) {
    ASSIGN_OR_RETURN(const auto on, json.get_bool(mode.key));
    if (!on.value_or(false)) continue;
    if (mode.pooling == Pooling::kNone || found != Pooling::kNone) {
      return fail(Code::kUnimplemented,
                  "pooling by one of mean, first and last token is supported, alone",
                  json.where(mode.key));
    }
    found = mode.pooling;
  }
  ASSIGN_OR_RETURN(const auto named, json.get_string("pooling_mode"));  // newer files
  if (named && found == Pooling::kNone) {
    found = *named == "lasttoken" ? Pooling::kLast : find_pooling(*named).value_or(Pooling::kNone);
  }
  if (found == Pooling::kNone) {
    return fail(Code::kUnimplemented, "pooling by mean, first or last token is supported", file);
  }
  return found;
}

Status read_sentence_transformer(const std::string& directory, const FileOpener& opener,
                                 ModelConfig& config) {
  const std::filesystem::path folder(directory);
  ASSIGN_OR_RETURN(const std::string modules_text, read_text(directory, "modules.json", opener));
  if (modules_text.empty()) return {};
  ASSIGN_OR_RETURN(const SentenceModules modules,
                   parse_sentence_modules((folder / "modules.json").string(), modules_text));
  config.encoder.normalize = modules.normalize;
  if (!modules.pooling.empty()) {
    const std::string name = modules.pooling + "/config.json";
    ASSIGN_OR_RETURN(const std::string text, read_text(directory, name, opener));
    ASSIGN_OR_RETURN(config.encoder.pooling, parse_pooling((folder / name).string(), text));
  }
  ASSIGN_OR_RETURN(const std::string limits,
                   read_text(directory, "sentence_bert_config.json", opener));
  if (limits.empty()) return {};
  ASSIGN_OR_RETURN(const JsonDocument document,
                   JsonDocument::parse((folder / "sentence_bert_config.json").string(), limits));
  ASSIGN_OR_RETURN(const auto most, document.root().get_int("max_seq_length"));
  if (most && *most > 0) config.encoder.most_tokens = std::min(*most, config.context);
  return {};
}

}  // namespace holdfast
