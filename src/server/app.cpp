#include "server/app.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace holdfast {

namespace {

// Looks among `models` that `fits`; `of_kind`: what the others are not, for the message.
template <class M, class Fits>
ApiResult<M*> find(const std::vector<std::shared_ptr<M>>& models, std::string_view id,
                   const Caller& caller, std::string_view of_kind, Fits&& fits) {
  std::string known;
  for (const auto& model : models) {
    if (!caller.may_use_model(model->id()) || !fits(*model)) continue;
    if (model->id() == id) return model.get();
    known += (known.empty() ? "'" : ", '") + model->id() + "'";
  }
  if (known.empty()) known = "none for you";
  return api_fail(
      404,
      fmt::format("The model '{}' does not exist here{}; this server has {}", id, of_kind, known),
      "model_not_found", "model");
}

}  // namespace

ApiResult<ServedModel*> App::find_model(std::string_view id, const Caller& caller) const {
  return find(models, id, caller, embedders.empty() ? "" : " among those that generate text",
              [](const ServedModel&) { return true; });
}

ApiResult<ServedEmbedder*> App::find_embedder(std::string_view id, const Caller& caller,
                                              bool reranks) const {
  return find(embedders, id, caller,
              reranks ? " among those that rerank" : " among those that give embeddings",
              [&](const ServedEmbedder& model) { return model.reranks() == reranks; });
}

std::optional<double> App::seconds_to_ready() const {
  const double share = loaded;
  if (share < 0.01) return std::nullopt;
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - started;
  return spent.count() * (1 - share) / share;
}

ApiError still_loading(const App& app) {
  const double wait = app.seconds_to_ready().value_or(1);
  return {503,
          fmt::format("The models are being loaded: {:.0f}%", 100 * app.loaded),
          "loading",
          {},
          {{"retry-after", fmt::format("{:.0f}", std::max(1.0, std::ceil(wait)))}}};
}

std::string system_fingerprint(const ServedModel& model) {
  const ModelConfig& config = model.config();
  const std::string facts =
      fmt::format("{}|{}|{}|{}|{}|{}|{}", model.id(), config.architecture, config.name,
                  config.layers, config.hidden, config.vocab, model.context());
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : facts) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("fp_{:010x}", hash >> 24);
}

ApiError context_overflow(int64_t context, int64_t prompt, int64_t completion,
                          std::string_view param) {
  return {.status = 400,
          .message = fmt::format("This model's maximum context length is {} tokens. However, you "
                                 "requested {} tokens ({} in the prompt, {} in the completion). "
                                 "Please reduce the length of the prompt or completion.",
                                 context, prompt + completion, prompt, completion),
          .code = "context_length_exceeded",
          .param = std::string(param)};
}

ApiError submit_error(const Error& error, std::string_view param) {
  ApiError api = to_api_error(error);
  if (error.code == Code::kInvalidArgument) {
    api.param =
        error.where == "reasoning" || error.where == "tools" ? error.where : std::string(param);
    if (error.where == kContextLength) api.code = "context_length_exceeded";
  }
  return api;
}

}  // namespace holdfast
