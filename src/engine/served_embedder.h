// A model of embeddings or a reranker as the outside sees it, in text.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "backend/backend.h"
#include "base/result.h"
#include "engine/embedding_queue.h"
#include "engine/served_model.h"
#include "files/byte_source.h"
#include "files/model_config.h"

namespace holdfast {

struct ServedEmbedderOptions {
  std::string id;                  // the name clients use; empty: the file's own
  std::optional<Pooling> pooling;  // none: what the file says; else mean (encoders) or last
  LoadProgress progress;
  FileOpener opener = open_file;
};

// A text, or the tokens the model is to read, special ones and all.
using EmbeddingText = std::variant<std::string, std::vector<int32_t>>;

// Thread-safe.
class ServedEmbedder {
 public:
  // Opens the file and prepares the weights. Encoders (BERT) give what their file says; a decoder
  // gives its final hidden states, pooled and of length 1.
  static Result<std::unique_ptr<ServedEmbedder>> load(const std::string& path,
                                                      std::unique_ptr<Backend> backend,
                                                      const ServedEmbedderOptions& options);
  virtual ~ServedEmbedder() = default;

  virtual const std::string& id() const = 0;
  virtual int64_t created() const = 0;  // seconds since 1970
  virtual const ModelConfig& config() const = 0;
  virtual int32_t dimensions() const = 0;  // of an embedding; of a reranker: 1
  virtual int32_t context() const = 0;     // tokens of one text, or of a query and a document
  virtual bool reranks() const = 0;        // a cross-encoder: it scores pairs, and embeds nothing
  virtual EmbeddingQueue::Stats stats() const = 0;

  // Vectors in the texts' order. invalid_argument for an empty text, for tokens outside the
  // vocabulary, and for a text that is too long (where is kContextLength) unless `truncate`: then
  // its end is left out. unimplemented for a reranker.
  virtual Result<std::shared_ptr<VectorJob>> embed(const std::vector<EmbeddingText>& texts,
                                                   bool truncate) = 0;
  // One score for each document: the vectors hold one logit each. Of long documents the end is left
  // out; a query that leaves no room is an invalid_argument. unimplemented unless reranks().
  virtual Result<std::shared_ptr<VectorJob>> rank(const std::string& query,
                                                  const std::vector<std::string>& documents) = 0;

  // Empty when nobody set it. Set before others use the model.
  const Provenance& provenance() const { return provenance_; }
  void set_provenance(Provenance provenance) { provenance_ = std::move(provenance); }

 private:
  Provenance provenance_;
};

// A reranker's logit as a relevance from 0 to 1.
float relevance(float logit);
// The first `dimensions` of an embedding, of length 1 again.
void shorten(std::vector<float>& vector, int32_t dimensions);

}  // namespace holdfast
