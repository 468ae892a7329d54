#include <cmath>
#include <functional>

#include "files/json_writer.h"
#include "server/handlers.h"

namespace holdfast {

namespace {

void write_state(JsonWriter& w, const ServedModel& model) {
  const EngineStats stats = model.stats();
  w.begin_object()
      .field("id", model.id())
      .field("context", model.context())
      .field("running", stats.running)
      .field("waiting", stats.waiting)
      .field("waiting_tokens", stats.waiting_tokens)
      .field("wait_seconds", stats.wait_seconds)
      .field("refused", stats.refused)
      .field("expired", stats.expired)
      .field("preemptions", stats.preemptions)
      .field("pages_total", stats.pages_total)
      .field("pages_free", stats.pages_free)
      .field("steps", stats.steps)
      .field("step_seconds", stats.step_seconds)
      .field("model_seconds", stats.model_seconds)
      .field("prompt_tokens", stats.prompt_tokens)
      .field("generated_tokens", stats.generated_tokens)
      .field("drafted_tokens", stats.drafted_tokens)
      .field("accepted_tokens", stats.accepted_tokens)
      .end_object();
}

void write_state(JsonWriter& w, const ServedEmbedder& model) {
  const EmbeddingQueue::Stats stats = model.stats();
  w.begin_object()
      .field("id", model.id())
      .field("context", model.context())
      .field("waiting", stats.waiting)
      .field("texts", stats.texts)
      .field("prompt_tokens", stats.tokens)
      .field("batches", stats.batches)
      .end_object();
}

// "status": "ok", "loading" (with "percent" and, once it can be told, "eta_seconds") or "draining".
// 503 unless ok: load balancers look at the status alone.
HttpResponse readiness(const App& app, const std::function<void(JsonWriter&)>& more) {
  HttpResponse response;
  JsonWriter w(JsonWriter::kCompact);
  const bool draining = app.draining, ready = app.ready;
  w.begin_object().field("status", draining ? "draining" : ready ? "ok" : "loading");
  if (draining || !ready) {
    response = ApiError{.status = 503}.response();
    if (!draining) response.fields = still_loading(app).fields;
  }
  if (!ready) {
    w.field("percent", std::round(1000 * app.loaded) / 10);
    if (const auto wait = app.seconds_to_ready()) w.field("eta_seconds", std::ceil(*wait));
  } else {
    more(w);
  }
  w.end_object();
  response.body = w.take();
  return response;
}

}  // namespace

// What readiness() says; whoever may see the server's state also gets "models": [{"id", "context",
// "running", "waiting", "waiting_tokens", "wait_seconds", "refused", "expired", "preemptions",
// "pages_total", "pages_free", "steps", "step_seconds", "model_seconds", "prompt_tokens",
// "generated_tokens", "drafted_tokens", "accepted_tokens"}], and "embedders": [{"id", "context",
// "waiting", "texts", "prompt_tokens", "batches"}].
Reply handle_health(const Call& call) {
  return readiness(call.app, [&](JsonWriter& w) {
    if (!call.caller.may("server:view")) return;
    w.key("models").begin_array();
    for (const auto& model : call.app.models) write_state(w, *model);
    w.end_array();
    w.key("embedders").begin_array();
    for (const auto& model : call.app.embedders) write_state(w, *model);
    w.end_array();
  });
}

Reply handle_ready(const Call& call) {
  return readiness(call.app, [](JsonWriter&) {});
}

// The process answers: that is all.
Reply handle_live(const Call&) { return HttpResponse{.body = R"({"status":"ok"})"}; }

}  // namespace holdfast
