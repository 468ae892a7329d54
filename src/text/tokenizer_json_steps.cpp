// The steps of a tokenizer.json around its model: normalizer, pre_tokenizer, post_processor,
// decoder.

#include "text/bert_text.h"
#include "text/tokenizer_json.h"
#include "text/unicode.h"

namespace holdfast::hf {
namespace {

constexpr std::string_view kMetaSpace = "\xE2\x96\x81";  // U+2581

std::string type_message(std::string_view what, std::string_view type) {
  return "the " + std::string(what) + " \"" + std::string(type) + "\" is not supported";
}

// Calls read(element, type) for a step, or for each step of a Sequence in turn.
template <class Read>
Status for_each_step(const Json& json, std::string_view list, Read&& read) {
  ASSIGN_OR_RETURN(const Json type_field, json.required("type"));
  ASSIGN_OR_RETURN(const std::string_view type, type_field.string());
  if (type != "Sequence") return read(json, type);
  ASSIGN_OR_RETURN(const Json field, json.required(list));
  ASSIGN_OR_RETURN(const std::vector<Json> steps, field.array());
  for (const Json& step : steps) RETURN_IF_ERROR(for_each_step(step, list, read));
  return {};
}

// {"String": "..."}; patterns are refused.
Result<std::string> literal_pattern(const Json& json) {
  ASSIGN_OR_RETURN(const Json pattern, json.required("pattern"));
  const auto literal = pattern.field("String");
  if (!literal) return pattern.unsupported("only {\"String\": ...} is supported here");
  ASSIGN_OR_RETURN(const std::string_view text, literal->string());
  if (text.empty()) return pattern.wrong("the pattern is empty");
  return std::string(text);
}

Status read_normalizer(const Json& json, std::string_view type, Steps& steps) {
  if (type == "NFC") {
    steps.normalizer.push_back({NormalizerStep::Nfc{}});
  } else if (type == "Prepend") {
    ASSIGN_OR_RETURN(const Json text_field, json.required("prepend"));
    ASSIGN_OR_RETURN(const std::string_view text, text_field.string());
    steps.normalizer.push_back({NormalizerStep::Prepend{std::string(text)}});
  } else if (type == "Replace") {
    ASSIGN_OR_RETURN(std::string from, literal_pattern(json));
    ASSIGN_OR_RETURN(const Json to_field, json.required("content"));
    ASSIGN_OR_RETURN(const std::string_view to, to_field.string());
    steps.normalizer.push_back({NormalizerStep::Replace{std::move(from), std::string(to)}});
  } else if (type == "BertNormalizer") {
    BertForm form;
    ASSIGN_OR_RETURN(form.clean, json.boolean_or("clean_text", true));
    ASSIGN_OR_RETURN(form.space_ideographs, json.boolean_or("handle_chinese_chars", true));
    ASSIGN_OR_RETURN(form.lower_case, json.boolean_or("lowercase", true));
    ASSIGN_OR_RETURN(form.strip_accents, json.boolean_or("strip_accents", form.lower_case));
    steps.normalizer.push_back({form});
  } else {
    return json.unsupported(type_message("normalizer", type));
  }
  return {};
}

Result<SplitBehavior> behavior_of(const Json& json) {
  ASSIGN_OR_RETURN(const Json field, json.required("behavior"));
  ASSIGN_OR_RETURN(const std::string_view name, field.string());
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  return field.wrong("there is no behavior \"" + std::string(name) + "\"");
}

Result<Regex> compile(std::string_view pattern, const Json& json) {
  auto regex = Regex::compile(pattern);
  if (!regex) {
    Error error = std::move(regex).error();
    error.where = json.path + (error.where.empty() ? "" : ", " + error.where);
    return fail(std::move(error));
  }
  return regex;
}

Status read_split(const Json& json, Steps& steps) {
  SplitStep step{std::string()};
  ASSIGN_OR_RETURN(const Json pattern, json.required("pattern"));
  if (const auto source = pattern.field("Regex")) {
    ASSIGN_OR_RETURN(const std::string_view text, source->string());
    ASSIGN_OR_RETURN(step.matcher, compile(text, *source));
  } else {
    ASSIGN_OR_RETURN(step.matcher, literal_pattern(json));
  }
  ASSIGN_OR_RETURN(step.behavior, behavior_of(json));
  ASSIGN_OR_RETURN(step.invert, json.boolean_or("invert", false));
  steps.splits.push_back(std::move(step));
  return {};
}

Status read_digits(const Json& json, Steps& steps) {
  ASSIGN_OR_RETURN(const bool individual, json.boolean_or("individual_digits", false));
  steps.splits.push_back(
      {is_numeric, individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous});
  return {};
}

Status read_byte_level(const Json& json, Steps& steps) {
  ASSIGN_OR_RETURN(const bool prefix, json.boolean_or("add_prefix_space", true));
  ASSIGN_OR_RETURN(const bool use_regex, json.boolean_or("use_regex", true));
  if (prefix) {
    if (!steps.splits.empty()) {
      return json.unsupported("add_prefix_space after another pre-tokenizer is not supported");
    }
    steps.normalizer.push_back({NormalizerStep::Prepend{" ", false, true}});
  }
  if (use_regex) {
    ASSIGN_OR_RETURN(Regex regex, compile(kGpt2Pattern, json));
    steps.splits.push_back(SplitStep{std::move(regex)});
  }
  steps.byte_level = true;
  return {};
}

// "always", "first" or "never"; older files say add_prefix_space.
Result<std::string_view> prepend_scheme(const Json& json) {
  const auto scheme = json.field("prepend_scheme");
  if (!scheme) {
    ASSIGN_OR_RETURN(const bool prefix, json.boolean_or("add_prefix_space", true));
    return prefix ? "always" : "never";
  }
  ASSIGN_OR_RETURN(const std::string_view name, scheme->string());
  if (name != "always" && name != "first" && name != "never") {
    return scheme->wrong("there is no scheme \"" + std::string(name) + "\"");
  }
  return name;
}

Status read_meta_space(const Json& json, Steps& steps) {
  if (!steps.splits.empty()) {
    return json.unsupported("Metaspace after another pre-tokenizer is not supported");
  }
  ASSIGN_OR_RETURN(const std::string_view replacement, json.string_or("replacement", kMetaSpace));
  if (replacement != kMetaSpace) return json.unsupported("a replacement other than U+2581");
  ASSIGN_OR_RETURN(const std::string_view scheme, prepend_scheme(json));
  ASSIGN_OR_RETURN(const bool split, json.boolean_or("split", true));
  steps.normalizer.push_back({NormalizerStep::Replace{" ", std::string(kMetaSpace)}});
  if (scheme != "never") {
    steps.normalizer.push_back(
        {NormalizerStep::Prepend{std::string(kMetaSpace), scheme == "first", true}});
  }
  if (split) {
    steps.splits.push_back({std::string(kMetaSpace), SplitBehavior::kMergedWithNext});
  }
  return {};
}

Status read_pre_tokenizer(const Json& json, std::string_view type, Steps& steps) {
  if (steps.byte_level) return json.unsupported("a pre-tokenizer after ByteLevel is not supported");
  if (type == "Split") return read_split(json, steps);
  if (type == "Digits") return read_digits(json, steps);
  if (type == "ByteLevel") return read_byte_level(json, steps);
  if (type == "Metaspace") return read_meta_space(json, steps);
  if (type == "BertPreTokenizer") {
    steps.splits.push_back({is_white_space, SplitBehavior::kRemoved});
    steps.splits.push_back({is_bert_punctuation, SplitBehavior::kIsolated});
    return {};
  }
  return json.unsupported(type_message("pre-tokenizer", type));
}

// One place of a template: a text ("A" or "B") or a token, and its segment.
struct Place {
  bool text;
  std::string_view name;
  int64_t segment;
  bool operator==(const Place&) const = default;
};

Result<std::vector<Place>> read_template(const Json& json) {
  ASSIGN_OR_RETURN(const std::vector<Json> items, json.array());
  std::vector<Place> places;
  for (const Json& item : items) {
    const auto text = item.field("Sequence");
    ASSIGN_OR_RETURN(const Json place, text ? Result<Json>(*text) : item.required("SpecialToken"));
    ASSIGN_OR_RETURN(const Json id, place.required("id"));
    ASSIGN_OR_RETURN(const std::string_view name, id.string());
    const auto type = place.field("type_id");
    int64_t segment = 0;
    if (type) {
      ASSIGN_OR_RETURN(segment, type->integer());
    }
    places.push_back({text.has_value(), name, segment});
  }
  return places;
}

// The tokens around a text: at most one on each side. Those around a pair must be BERT's.
Status read_template_processing(const Json& json, Steps& steps) {
  ASSIGN_OR_RETURN(const Json single, json.required("single"));
  ASSIGN_OR_RETURN(const std::vector<Place> places, read_template(single));
  bool text_seen = false;
  for (const Place& place : places) {
    std::optional<std::string>& token = text_seen ? steps.sep : steps.bos;
    if (place.text) {
      text_seen = true;
    } else if (token) {
      return single.unsupported("a template that adds more than one token at an end of the text");
    } else {
      token = std::string(place.name);
    }
  }
  const auto pair = json.field("pair");
  if (!pair || !steps.bos || !steps.sep) return {};
  ASSIGN_OR_RETURN(const std::vector<Place> both, read_template(*pair));
  steps.bert_pairs = both == std::vector<Place>{{false, *steps.bos, 0},
                                                {true, "A", 0},
                                                {false, *steps.sep, 0},
                                                {true, "B", 1},
                                                {false, *steps.sep, 1}};
  return {};
}

// {"sep": ["[SEP]", 102], "cls": ["[CLS]", 101]}
Status read_bert_processing(const Json& json, Steps& steps) {
  for (const auto& [key, token] : {std::pair{"cls", &steps.bos}, std::pair{"sep", &steps.sep}}) {
    ASSIGN_OR_RETURN(const Json field, json.required(key));
    ASSIGN_OR_RETURN(const std::vector<Json> parts, field.array());
    if (parts.empty()) return field.wrong("this names no token");
    ASSIGN_OR_RETURN(const std::string_view name, parts[0].string());
    *token = std::string(name);
  }
  steps.bert_pairs = true;
  return {};
}

Status read_post_processor(const Json& json, std::string_view type, Steps& steps) {
  if (type == "ByteLevel") return {};  // concerns offsets only
  if (type == "TemplateProcessing") return read_template_processing(json, steps);
  if (type == "BertProcessing") return read_bert_processing(json, steps);
  return json.unsupported(type_message("post-processor", type));
}

Status read_decoder(const Json& json, std::string_view type, Steps& steps) {
  if (type == "ByteLevel") {
    if (!steps.byte_level) return json.unsupported("ByteLevel as the decoder only");
    return {};
  }
  // Concerns the text of several tokens; a piece of ours is one's spelling.
  if (type == "WordPiece") steps.word_pieces = true;
  if (type == "ByteFallback" || type == "Fuse" || type == "WordPiece") return {};
  if (type == "Metaspace") {
    ASSIGN_OR_RETURN(const std::string_view scheme, prepend_scheme(json));
    steps.meta_space = true;
    steps.strips_leading_space = scheme != "never";
    return {};
  }
  if (type == "Replace") {
    ASSIGN_OR_RETURN(const std::string from, literal_pattern(json));
    ASSIGN_OR_RETURN(const std::string_view to, json.string_or("content", ""));
    if (from != kMetaSpace || to != " ") {
      return json.unsupported("a decoder that replaces anything but U+2581 by a space");
    }
    steps.meta_space = true;
    return {};
  }
  if (type == "Strip") {
    ASSIGN_OR_RETURN(const std::string_view content, json.string_or("content", " "));
    ASSIGN_OR_RETURN(const Json start_field, json.required("start"));
    ASSIGN_OR_RETURN(const int64_t start, start_field.integer());
    ASSIGN_OR_RETURN(const Json stop_field, json.required("stop"));
    ASSIGN_OR_RETURN(const int64_t stop, stop_field.integer());
    if (content != " " || start != 1 || stop != 0) {
      return json.unsupported("a decoder that strips anything but one leading space");
    }
    steps.strips_leading_space = true;
    return {};
  }
  return json.unsupported(type_message("decoder", type));
}

}  // namespace

Result<Steps> read_steps(const Json& root) {
  Steps steps;
  if (const auto json = root.field("normalizer")) {
    RETURN_IF_ERROR(for_each_step(*json, "normalizers", [&](const Json& step, auto type) {
      return read_normalizer(step, type, steps);
    }));
  }
  if (const auto json = root.field("pre_tokenizer")) {
    RETURN_IF_ERROR(for_each_step(*json, "pretokenizers", [&](const Json& step, auto type) {
      return read_pre_tokenizer(step, type, steps);
    }));
  }
  if (const auto json = root.field("post_processor")) {
    RETURN_IF_ERROR(for_each_step(*json, "processors", [&](const Json& step, auto type) {
      return read_post_processor(step, type, steps);
    }));
  }
  if (const auto json = root.field("decoder")) {
    RETURN_IF_ERROR(for_each_step(*json, "decoders", [&](const Json& step, auto type) {
      return read_decoder(step, type, steps);
    }));
  } else if (!steps.byte_level) {
    return root.unsupported("a tokenizer without a decoder");
  }
  return steps;
}

}  // namespace holdfast::hf
