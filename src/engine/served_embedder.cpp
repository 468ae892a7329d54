#include "engine/served_embedder.h"

#include <cmath>
#include <ctime>
#include <filesystem>
#include <utility>

#include "files/model_file.h"
#include "text/tokenizer.h"

namespace holdfast {
namespace {

class LoadedEmbedder final : public ServedEmbedder {
 public:
  // Filled in by load(), in this order: each lives on those before it.
  struct Parts {
    std::string id;
    std::shared_ptr<const ModelFile> file;
    std::unique_ptr<Backend> backend;
    std::unique_ptr<Tokenizer> tokenizer;
    std::unique_ptr<Encoder> encoder;  // or
    std::unique_ptr<Model> decoder;
    std::unique_ptr<VectorModel> vectors;
  };
  explicit LoadedEmbedder(Parts parts)
      : p_(std::move(parts)),
        created_(std::time(nullptr)),
        queue_(std::make_unique<EmbeddingQueue>(*p_.vectors, *p_.backend)) {}

  const std::string& id() const override { return p_.id; }
  int64_t created() const override { return created_; }
  const ModelConfig& config() const override { return p_.file->config(); }
  int32_t dimensions() const override { return p_.vectors->size(); }
  int32_t context() const override { return p_.vectors->most_tokens(); }
  bool reranks() const override { return config().encoder.labels > 0; }
  EmbeddingQueue::Stats stats() const override { return queue_->stats(); }

  Result<std::shared_ptr<VectorJob>> embed(const std::vector<EmbeddingText>& texts,
                                           bool truncate) override {
    if (reranks()) {
      return fail(Code::kUnimplemented,
                  "model '" + id() + "' is a reranker: it scores pairs, and gives no embeddings");
    }
    std::vector<TokenizedText> out;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      auto text = tokenize(texts[i], truncate);
      if (!text) {
        Error error = text.error();
        if (texts.size() > 1) error.message = "text " + std::to_string(i) + ": " + error.message;
        return fail(std::move(error));
      }
      out.push_back(std::move(*text));
    }
    return queue_->submit(std::move(out));
  }

  Result<std::shared_ptr<VectorJob>> rank(const std::string& query,
                                          const std::vector<std::string>& documents) override {
    if (!reranks()) {
      return fail(Code::kUnimplemented,
                  "model '" + id() + "' is no reranker: it has no classifier over pairs");
    }
    const std::vector<int32_t> first = p_.tokenizer->encode(query, Special::kAsText, true);
    // The first text with [CLS], two [SEP], and at least one token of a document.
    if (std::ssize(first) + 3 > context()) {
      return fail(Code::kInvalidArgument,
                  "the query has " + std::to_string(first.size()) +
                      " tokens, which leaves no room for a document in " +
                      std::to_string(context()),
                  std::string(kContextLength));
    }
    const std::size_t room = static_cast<std::size_t>(context()) - first.size() - 2;
    const int32_t sep = *p_.tokenizer->sep();
    std::vector<TokenizedText> pairs;
    for (const std::string& document : documents) {
      TokenizedText pair;
      pair.tokens = first;
      pair.tokens.push_back(sep);
      pair.segments.assign(pair.tokens.size(), 0);
      std::vector<int32_t> second = p_.tokenizer->encode(document, Special::kAsText, false);
      if (second.size() > room) second.resize(room);
      second.push_back(sep);
      pair.tokens.insert(pair.tokens.end(), second.begin(), second.end());
      pair.segments.resize(pair.tokens.size(), 1);
      pairs.push_back(std::move(pair));
    }
    return queue_->submit(std::move(pairs));
  }

 private:
  Result<TokenizedText> tokenize(const EmbeddingText& text, bool truncate) const {
    TokenizedText out;
    if (const auto* tokens = std::get_if<std::vector<int32_t>>(&text)) {
      out.tokens = *tokens;
      RETURN_IF_ERROR(check(out.tokens));
    } else {
      const auto& words = std::get<std::string>(text);
      if (words.empty()) return fail(Code::kInvalidArgument, "the text is empty");
      out.tokens = p_.tokenizer->encode(words, Special::kAsText, p_.tokenizer->adds_bos());
    }
    // What stands behind a text stays when its end is left out.
    const bool ends = std::holds_alternative<std::string>(text) && p_.tokenizer->sep().has_value();
    const std::size_t most = static_cast<std::size_t>(context()) - (ends ? 1 : 0);
    if (out.tokens.size() > most) {
      if (!truncate) {
        return fail(Code::kInvalidArgument,
                    "the text has " + std::to_string(out.tokens.size() + (ends ? 1 : 0)) +
                        " tokens; this model reads at most " + std::to_string(context()),
                    std::string(kContextLength), "send shorter texts, or \"truncate\": true");
      }
      out.tokens.resize(most);
    }
    if (ends) out.tokens.push_back(*p_.tokenizer->sep());
    if (out.tokens.empty()) return fail(Code::kInvalidArgument, "the text holds no tokens");
    out.segments.assign(out.tokens.size(), 0);
    return out;
  }

  Status check(const std::vector<int32_t>& tokens) const {
    for (const int32_t token : tokens) {
      if (token >= 0 && token < config().vocab) continue;
      return fail(Code::kInvalidArgument, "token " + std::to_string(token) +
                                              " is not one of the model's " +
                                              std::to_string(config().vocab));
    }
    return {};
  }

  const Parts p_;
  const int64_t created_;
  std::unique_ptr<EmbeddingQueue> queue_;
};

std::string default_id(const ModelFile& file) {
  if (!file.config().name.empty()) return file.config().name;
  return std::filesystem::path(file.path()).stem().string();
}

Status check_encoder(const ModelFile& file, const Tokenizer& tokenizer) {
  const EncoderConfig& encoder = file.config().encoder;
  if (tokenizer.vocab_size() > file.config().vocab) {
    return fail(Code::kCorrupt, "the tokenizer has more tokens than the model", file.path());
  }
  if (encoder.labels == 0) return {};
  if (encoder.labels > 1) {
    return fail(Code::kUnimplemented,
                "the model tells " + std::to_string(encoder.labels) +
                    " classes apart; rerankers, which have one, are supported",
                file.path());
  }
  if (!tokenizer.joins_pairs() || encoder.token_types < 2) {
    return fail(Code::kUnimplemented, "a reranker that does not join pairs as BERT does",
                file.path());
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<ServedEmbedder>> ServedEmbedder::load(const std::string& path,
                                                             std::unique_ptr<Backend> backend,
                                                             const ServedEmbedderOptions& options) {
  LoadedEmbedder::Parts parts;
  ASSIGN_OR_RETURN(parts.file, ModelFile::open(path, options.opener));
  ASSIGN_OR_RETURN(parts.tokenizer, Tokenizer::create(parts.file->tokenizer()));
  parts.id = options.id.empty() ? default_id(*parts.file) : options.id;
  parts.backend = std::move(backend);
  const ModelConfig& config = parts.file->config();
  VectorOptions vectors;
  const Pooling said = options.pooling.value_or(config.encoder.pooling);
  vectors.most_tokens = config.encoder.most_tokens;
  if (config.is_encoder()) {
    RETURN_IF_ERROR(check_encoder(*parts.file, *parts.tokenizer));
    vectors.pooling = said == Pooling::kNone ? Pooling::kMean : said;
    vectors.normalize = config.encoder.normalize;
    ASSIGN_OR_RETURN(parts.encoder, load_encoder(*parts.file, *parts.backend, options.progress));
    parts.vectors = make_vector_model(*parts.encoder, *parts.backend, vectors);
  } else {
    vectors.pooling = said == Pooling::kNone ? Pooling::kLast : said;
    vectors.normalize = true;
    ASSIGN_OR_RETURN(parts.decoder, load_model(*parts.file, *parts.backend, options.progress));
    ASSIGN_OR_RETURN(parts.vectors, make_vector_model(*parts.decoder, *parts.backend, vectors));
  }
  return std::make_unique<LoadedEmbedder>(std::move(parts));
}

float relevance(float logit) {
  return static_cast<float>(1.0 / (1.0 + std::exp(-static_cast<double>(logit))));
}

void shorten(std::vector<float>& vector, int32_t dimensions) {
  vector.resize(static_cast<std::size_t>(dimensions));
  double squares = 0.0;
  for (const float value : vector) squares += double{value} * value;
  const double scale = squares > 0.0 ? 1.0 / std::sqrt(squares) : 0.0;
  for (float& value : vector) value = static_cast<float>(value * scale);
}

}  // namespace holdfast
