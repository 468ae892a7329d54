// Hostile bodies of /v1/embeddings and /v1/rerank.

#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "server/embedding_request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  if (const auto request = parse_embedding_request(body)) {
    CHECK(!request->inputs.empty() && !request->model.empty());
  }
  if (const auto request = parse_rerank_request(body)) {
    CHECK(!request->documents.empty() && request->top_n <= request->documents.size());
  }
  return 0;
}
