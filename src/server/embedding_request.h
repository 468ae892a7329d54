// The JSON bodies of /v1/embeddings and /v1/rerank, parsed and checked. Nothing here knows the
// model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/api_error.h"
#include "server/text_inputs.h"

namespace holdfast {

struct EmbeddingRequest {
  std::string model;
  std::vector<TextInput> inputs;  // at least one
  bool base64 = false;            // encoding_format: little-endian float32 instead of numbers
  std::optional<int32_t> dimensions;
  bool truncate = false;
};

// In the form of Jina's and Cohere's APIs.
struct RerankRequest {
  std::string model;
  std::string query;
  std::vector<std::string> documents;  // at least one
  size_t top_n = 0;                    // at most the documents
  bool return_documents = false;
};

ApiResult<EmbeddingRequest> parse_embedding_request(std::string_view body);
ApiResult<RerankRequest> parse_rerank_request(std::string_view body);

}  // namespace holdfast
