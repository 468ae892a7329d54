// POST /v1/embeddings (OpenAI's) and POST /v1/rerank (Jina's and Cohere's).
#include <algorithm>
#include <bit>
#include <numeric>

#include <fmt/format.h>

#include "base/base64.h"
#include "files/json_writer.h"
#include "server/embedding_request.h"
#include "server/handlers.h"
#include "server/openai_format.h"
#include "server/submit.h"
#include "server/vector_answer.h"

namespace holdfast {

namespace {

constexpr std::string_view kEmbeddings = "/v1/embeddings", kRerank = "/v1/rerank";

void write_total(JsonWriter& w, int64_t tokens) {
  w.key("usage").begin_object().field("prompt_tokens", tokens);
  w.field("total_tokens", tokens).end_object();
}

// Its float32 values, little-endian.
std::string base64_of(const std::vector<float>& vector) {
  std::string bytes;
  bytes.reserve(vector.size() * 4);
  for (const float value : vector) {
    const auto bits = std::bit_cast<uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(bits >> shift & 0xFF);
  }
  return to_base64({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

VectorAnswer::Format embeddings_format(std::string model, bool base64,
                                       std::optional<int32_t> dimensions) {
  return [model = std::move(model), base64, dimensions](Vectors vectors, int64_t tokens) {
    JsonWriter w(JsonWriter::kCompact);
    w.begin_object().field("object", "list").key("data").begin_array();
    for (size_t i = 0; i < vectors.size(); ++i) {
      if (dimensions) shorten(vectors[i], *dimensions);
      w.begin_object().field("object", "embedding").field("index", i).key("embedding");
      if (base64) {
        w.value(base64_of(vectors[i]));
      } else {
        w.begin_array();
        for (const float value : vectors[i]) w.value(value);
        w.end_array();
      }
      w.end_object();
    }
    w.end_array().field("model", model);
    write_total(w, tokens);
    w.end_object();
    return w.take();
  };
}

// The most relevant first; of equals the earlier.
VectorAnswer::Format ranking_format(RerankRequest request, std::string model) {
  return [request = std::move(request), model = std::move(model)](Vectors vectors, int64_t tokens) {
    std::vector<size_t> order(vectors.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return vectors[a][0] > vectors[b][0]; });
    JsonWriter w(JsonWriter::kCompact);
    w.begin_object().field("id", random_id("rerank-")).field("object", "list");
    w.field("model", model).key("results").begin_array();
    for (size_t i = 0; i < request.top_n; ++i) {
      w.begin_object().field("index", order[i]);
      w.field("relevance_score", relevance(vectors[order[i]][0]));
      if (request.return_documents) {
        w.key("document").begin_object().field("text", request.documents[order[i]]).end_object();
      }
      w.end_object();
    }
    w.end_array();
    write_total(w, tokens);
    w.end_object();
    return w.take();
  };
}

std::unique_ptr<Answer> vector_answer(const Call& call, std::string_view route,
                                      std::string_view event, const ServedEmbedder& model,
                                      std::shared_ptr<VectorJob> job, VectorAnswer::Format format) {
  std::unique_ptr<VectorAudit> audit;
  if (call.app.auditor) {
    audit = std::make_unique<VectorAudit>(call.app.auditor, call, route, event, model);
  }
  return std::make_unique<VectorAnswer>(std::move(job), std::move(format), std::move(audit));
}

ApiResult<std::unique_ptr<Answer>> start_embeddings(const Call& call) {
  if (auto ok = check_json_body(call.request); !ok) return tl::unexpected(std::move(ok).error());
  auto request = parse_embedding_request(call.request.body);
  if (!request) return tl::unexpected(std::move(request).error());
  const auto found = call.app.find_embedder(request->model, call.caller, /*reranks=*/false);
  if (!found) return tl::unexpected(found.error());
  ServedEmbedder& model = **found;
  if (const auto wanted = request->dimensions; wanted && *wanted != model.dimensions()) {
    if (!model.config().encoder.shortens || *wanted > model.dimensions()) {
      return api_fail(
          400,
          fmt::format(
              "'dimensions' is {}; the embeddings of this model have {}{}", *wanted,
              model.dimensions(),
              model.config().encoder.shortens ? "" : ", and it was not made for shorter ones"),
          "invalid_value", "dimensions");
    }
  } else {
    request->dimensions.reset();
  }
  if (auto ok = check_audit(call.app, kEmbeddings); !ok) {
    return tl::unexpected(std::move(ok).error());
  }
  auto job = model.embed(request->inputs, request->truncate);
  if (!job) return tl::unexpected(submit_error(job.error(), "input"));
  return vector_answer(call, kEmbeddings, "embedding", model, std::move(*job),
                       embeddings_format(model.id(), request->base64, request->dimensions));
}

ApiResult<std::unique_ptr<Answer>> start_rerank(const Call& call) {
  if (auto ok = check_json_body(call.request); !ok) return tl::unexpected(std::move(ok).error());
  auto request = parse_rerank_request(call.request.body);
  if (!request) return tl::unexpected(std::move(request).error());
  const auto found = call.app.find_embedder(request->model, call.caller, /*reranks=*/true);
  if (!found) return tl::unexpected(found.error());
  ServedEmbedder& model = **found;
  if (auto ok = check_audit(call.app, kRerank); !ok) return tl::unexpected(std::move(ok).error());
  auto job = model.rank(request->query, request->documents);
  if (!job) return tl::unexpected(submit_error(job.error(), "query"));
  return vector_answer(call, kRerank, "rerank", model, std::move(*job),
                       ranking_format(std::move(*request), model.id()));
}

}  // namespace

Reply handle_embeddings(const Call& call) {
  auto answer = start_embeddings(call);
  if (!answer) return answer.error().response();
  return std::move(*answer);
}

Reply handle_rerank(const Call& call) {
  auto answer = start_rerank(call);
  if (!answer) return answer.error().response();
  return std::move(*answer);
}

}  // namespace holdfast
