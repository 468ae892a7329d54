// Reads a tokenizer from Hugging Face's tokenizer.json: its model and its added tokens.

#include "text/tokenizer_json.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "text/bpe.h"
#include "text/byte_alphabet.h"
#include "text/unicode.h"
#include "text/wordpiece.h"

namespace holdfast {
namespace hf {
namespace {

constexpr std::size_t kLongestAddedToken = 4096;

struct Entry {
  std::string_view content;  // as the file spells it
  const AddedToken* added = nullptr;
  bool used = false;
};

// One for each id, holes included.
using Entries = std::vector<Entry>;

Status set_entry(Entries& entries, int64_t id, std::string_view content, std::size_t limit,
                 const Json& where) {
  // A hole or two is normal; ids far apart would only cost memory.
  if (id < 0 || static_cast<uint64_t>(id) >= limit) {
    return where.wrong("the token \"" + std::string(content.substr(0, 100)) + "\" has the id " +
                       std::to_string(id) + ", below 0 or far above the number of tokens");
  }
  const auto at = static_cast<std::size_t>(id);
  if (entries.size() <= at) entries.resize(at + 1);
  if (entries[at].used && entries[at].content != content) {
    return where.wrong("two tokens have the id " + std::to_string(id));
  }
  entries[at].content = content;
  entries[at].used = true;
  return {};
}

Result<AddedToken> read_added_token(const Json& json, bool& special) {
  AddedToken token;
  ASSIGN_OR_RETURN(const Json content_field, json.required("content"));
  ASSIGN_OR_RETURN(const std::string_view content, content_field.string());
  ASSIGN_OR_RETURN(const Json id_field, json.required("id"));
  ASSIGN_OR_RETURN(const int64_t id, id_field.integer());
  if (content.empty() || content.size() > kLongestAddedToken || id < 0 || id > INT32_MAX) {
    return json.wrong("an added token that is empty, very long or has an impossible id");
  }
  token.content = content;
  token.id = static_cast<int32_t>(id);
  ASSIGN_OR_RETURN(special, json.boolean_or("special", false));
  ASSIGN_OR_RETURN(token.lstrip, json.boolean_or("lstrip", false));
  ASSIGN_OR_RETURN(token.rstrip, json.boolean_or("rstrip", false));
  ASSIGN_OR_RETURN(token.single_word, json.boolean_or("single_word", false));
  ASSIGN_OR_RETURN(token.normalized, json.boolean_or("normalized", !special));
  special = special || looks_like_control(content);
  token.restricted = special || looks_like_markup(content);
  return token;
}

Result<bool> is_word_piece(const Json& model) {
  ASSIGN_OR_RETURN(const std::string_view type, model.string_or("type", "BPE"));
  return type == "WordPiece";
}

// Refuses options that change what comes out and that we lack.
Status check_model(const Json& model) {
  ASSIGN_OR_RETURN(const std::string_view type, model.string_or("type", "BPE"));
  if (type != "BPE") return model.unsupported("the model \"" + std::string(type) + "\"");
  for (const std::string_view key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    ASSIGN_OR_RETURN(const std::string_view text, model.string_or(key, ""));
    if (!text.empty()) return model.unsupported("the option " + std::string(key));
  }
  if (const auto dropout = model.field("dropout")) {
    double value = 1;
    if (dropout->value.get_double().get(value) != simdjson::SUCCESS || value != 0) {
      return dropout->unsupported("dropout: tokens would be random");
    }
  }
  return {};
}

// Both halves of a merge: "a b" or ["a", "b"].
Result<std::pair<std::string_view, std::string_view>> halves(simdjson::dom::element merge,
                                                             const Json& merges, std::size_t rank) {
  std::string_view text, left, right;
  simdjson::dom::array pair;
  if (merge.get_string().get(text) == simdjson::SUCCESS) {
    const std::size_t space = text.find(' ', 1);
    if (space != std::string_view::npos) {
      return std::pair(text.substr(0, space), text.substr(space + 1));
    }
  } else if (merge.get_array().get(pair) == simdjson::SUCCESS && pair.size() == 2 &&
             pair.at(0).get_string().get(left) == simdjson::SUCCESS &&
             pair.at(1).get_string().get(right) == simdjson::SUCCESS) {
    return std::pair(left, right);
  }
  return merges.wrong("merge " + std::to_string(rank) + " is no pair of tokens");
}

class Reader {
 public:
  Reader(const Json& root, Steps& steps) : root_(root), steps_(steps) {}

  Result<TokenizerParts> read() {
    ASSIGN_OR_RETURN(const Json model, root_.required("model"));
    ASSIGN_OR_RETURN(const bool word_piece, is_word_piece(model));
    if (word_piece) return read_word_piece(model);
    RETURN_IF_ERROR(check_model(model));
    if (steps_.word_pieces) {
      return root_.unsupported("the decoder \"WordPiece\" of a model that is none");
    }
    ASSIGN_OR_RETURN(const bool fallback, model.boolean_or("byte_fallback", false));
    RETURN_IF_ERROR(collect(model));
    fill_vocabulary(fallback && !steps_.byte_level);

    BpeOptions options;
    options.characters = !steps_.byte_level;
    ASSIGN_OR_RETURN(options.ignore_merges, model.boolean_or("ignore_merges", false));
    ASSIGN_OR_RETURN(options.fuse_unknown, model.boolean_or("fuse_unk", false));
    if (const auto unknown = model.field("unk_token")) {
      ASSIGN_OR_RETURN(options.unknown, find_entry(*unknown));
    }
    ASSIGN_OR_RETURN(MergeTable merges, read_merges(model));
    parts_.encoder = std::make_unique<Bpe>(*parts_.vocabulary, std::move(merges), bytes_, options);
    if (!steps_.byte_level && steps_.splits.empty() && splits_at_meta_space(*parts_.vocabulary)) {
      steps_.splits.push_back({SplitStep::MetaWords{}});
    }
    return finish();
  }

 private:
  Result<TokenizerParts> read_word_piece(const Json& model) {
    if (steps_.byte_level) return model.unsupported("WordPiece with ByteLevel");
    RETURN_IF_ERROR(collect(model));
    fill_vocabulary(false);
    ASSIGN_OR_RETURN(const std::string_view prefix,
                     model.string_or("continuing_subword_prefix", "##"));
    int64_t most_characters = 100;
    if (const auto most = model.field("max_input_chars_per_word")) {
      ASSIGN_OR_RETURN(most_characters, most->integer());
    }
    ASSIGN_OR_RETURN(const Json unknown_field, model.required("unk_token"));
    ASSIGN_OR_RETURN(const int32_t unknown, find_entry(unknown_field));
    parts_.encoder = std::make_unique<WordPiece>(*parts_.vocabulary, std::string(prefix), unknown,
                                                 most_characters);
    return finish();
  }

  TokenizerParts finish() {
    parts_.normalizer = Normalizer(std::move(steps_.normalizer));
    parts_.pretokenizer = PreTokenizer(std::move(steps_.splits));
    parts_.meta_space = steps_.meta_space;
    parts_.strips_leading_space = steps_.strips_leading_space;
    return std::move(parts_);
  }

  // The id of a token by its spelling in the file.
  Result<int32_t> find_entry(const Json& field) const {
    ASSIGN_OR_RETURN(const std::string_view name, field.string());
    const auto at = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
      return entry.used && entry.content == name;
    });
    if (at == entries_.end()) return field.wrong("the unknown token is not in the vocabulary");
    return static_cast<int32_t>(at - entries_.begin());
  }

  Status collect(const Json& model) {
    ASSIGN_OR_RETURN(const Json vocab, model.required("vocab"));
    simdjson::dom::object object;
    if (vocab.value.get_object().get(object) != simdjson::SUCCESS) {
      return vocab.wrong("this is no object");
    }
    std::vector<Json> added;
    if (const auto field = root_.field("added_tokens")) {
      ASSIGN_OR_RETURN(added, field->array());
    }
    // simdjson counts to 2^24 at most.
    std::size_t count = added.size();
    for ([[maybe_unused]] const auto& entry : object) ++count;
    const std::size_t limit = count * 4 + 65536;
    for (const auto [content, value] : object) {
      int64_t id = -1;
      if (value.get_int64().get(id) != simdjson::SUCCESS) {
        return vocab.wrong("the id of \"" + std::string(content.substr(0, 100)) +
                           "\" is no integer");
      }
      RETURN_IF_ERROR(set_entry(entries_, id, content, limit, vocab));
    }
    parts_.added.reserve(added.size());  // entries point into it
    for (const Json& json : added) {
      bool special = false;
      ASSIGN_OR_RETURN(AddedToken token, read_added_token(json, special));
      parts_.added.push_back(std::move(token));
      const AddedToken& kept = parts_.added.back();
      RETURN_IF_ERROR(set_entry(entries_, kept.id, kept.content, limit, json));
      if (parts_.kinds.size() < entries_.size()) {
        parts_.kinds.resize(entries_.size(), TokenKind::kNormal);
      }
      parts_.kinds[static_cast<std::size_t>(kept.id)] =
          special ? TokenKind::kControl : TokenKind::kAdded;
      entries_[static_cast<std::size_t>(kept.id)].added = &kept;
    }
    parts_.kinds.resize(entries_.size(), TokenKind::kNormal);
    return {};
  }

  void fill_vocabulary(bool fallback) {
    parts_.vocabulary = std::make_unique<Vocabulary>();
    Vocabulary& vocabulary = *parts_.vocabulary;
    std::size_t bytes = 0;
    for (const Entry& entry : entries_) bytes += entry.content.size();
    vocabulary.reserve(entries_.size(), bytes);
    bytes_.fill(-1);
    std::vector<int32_t> late;
    std::string spelled;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const auto id = static_cast<int32_t>(i);
      const Entry& entry = entries_[i];
      spelled.clear();
      if (!entry.used) {
        parts_.kinds[i] = TokenKind::kUnused;
        vocabulary.add({});
      } else if (entry.added != nullptr) {
        vocabulary.add(entry.content);
        if (!entry.added->restricted) late.push_back(id);
      } else if (const auto byte =
                     fallback ? byte_of_fallback_token(entry.content) : std::nullopt) {
        const char c = static_cast<char>(*byte);
        vocabulary.add({&c, 1});
        bytes_[*byte] = id;
      } else if (steps_.byte_level && !append_spelled_bytes(entry.content, spelled)) {
        vocabulary.add(entry.content);  // text can never become it, but a model may say it
      } else {
        vocabulary.add(steps_.byte_level ? std::string_view(spelled) : entry.content);
        vocabulary.index(id);
      }
    }
    for (const int32_t id : late) vocabulary.index(id);
    if (!steps_.byte_level) return;
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      bytes_[byte] = vocabulary.find({&c, 1}).value_or(-1);
    }
  }

  std::optional<int32_t> find_spelled(std::string_view token, std::string& spelled) const {
    if (!steps_.byte_level) return parts_.vocabulary->find(token);
    spelled.clear();
    if (!append_spelled_bytes(token, spelled)) return std::nullopt;
    return parts_.vocabulary->find(spelled);
  }

  Result<MergeTable> read_merges(const Json& model) {
    ASSIGN_OR_RETURN(const Json merges, model.required("merges"));
    simdjson::dom::array list;
    if (merges.value.get_array().get(list) != simdjson::SUCCESS) {
      return merges.wrong("this is no array");
    }
    MergeTable table;
    table.reserve(list.size());
    std::string spelled, joined;
    std::unordered_set<std::string_view> all;  // made when first needed
    uint32_t rank = 0;
    for (const simdjson::dom::element merge : list) {
      ASSIGN_OR_RETURN(const auto pair, halves(merge, merges, rank));
      joined = pair.first;
      joined += pair.second;
      const auto left = find_spelled(pair.first, spelled);
      const auto right = find_spelled(pair.second, spelled);
      const auto both = find_spelled(joined, spelled);
      if (left && right && both) {
        table.set(*left, *right, {rank, *both});
      } else {
        // A merge of special tokens may stand there, and never happens; one of no tokens may not.
        if (all.empty()) {
          for (const Entry& entry : entries_) all.insert(entry.content);
        }
        for (const std::string_view token : {pair.first, pair.second, std::string_view(joined)}) {
          if (!all.contains(token)) {
            return merges.wrong("merge " + std::to_string(rank) + " names \"" +
                                std::string(token.substr(0, 100)) +
                                "\", which is not in the vocabulary");
          }
        }
      }
      ++rank;
    }
    return table;
  }

  const Json& root_;
  Steps& steps_;
  TokenizerParts parts_;
  Entries entries_;
  std::array<int32_t, 256> bytes_{};
};

}  // namespace
}  // namespace hf

Result<TokenizerParts> read_hugging_face_tokenizer(const TokenizerData& data) {
  simdjson::dom::parser parser;
  ASSIGN_OR_RETURN(const hf::Json root, hf::parse(parser, data.tokenizer_json, "tokenizer.json"));
  // "truncation" and "padding" shape batches, not the tokens of a text.
  if (const auto model = root.required("model"); !model) return fail(model.error());
  ASSIGN_OR_RETURN(hf::Steps steps, hf::read_steps(root));
  ASSIGN_OR_RETURN(TokenizerParts parts, hf::Reader(root, steps).read());
  RETURN_IF_ERROR(hf::read_configs(data, steps, parts));
  return parts;
}

}  // namespace holdfast
