// What sentence-transformers keeps beside a model: how hidden states become one embedding.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "files/byte_source.h"
#include "files/model_config.h"

namespace holdfast {

// Reads modules.json, the pooling module's config.json and sentence_bert_config.json into
// config.encoder; a directory without them changes nothing. unimplemented for a module or a pooling
// that we do not do.
Status read_sentence_transformer(const std::string& directory, const FileOpener& opener,
                                 ModelConfig& config);

// The modules a modules.json names, in order.
struct SentenceModules {
  bool transformer = false, normalize = false;
  std::string pooling;  // its folder; empty: none
};
Result<SentenceModules> parse_sentence_modules(const std::string& file, std::string_view text);
// What the pooling module's config.json says.
Result<Pooling> parse_pooling(const std::string& file, std::string_view text);

}  // namespace holdfast
