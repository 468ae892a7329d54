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
      .field("pages_total", stats.pages_total)
      .field("pages_free", stats.pages_free)
      .field("steps", stats.steps)
      .field("prompt_tokens", stats.prompt_tokens)
      .field("generated_tokens", stats.generated_tokens)
      .field("drafted_tokens", stats.drafted_tokens)
      .field("accepted_tokens", stats.accepted_tokens)
      .end_object();
}

}  // namespace

// {"status": "ok" | "draining"} for everybody; whoever may see the server's state also gets
// "models": [{"id", "context", "running", "waiting", "pages_total", "pages_free", "steps",
// "prompt_tokens", "generated_tokens", "drafted_tokens", "accepted_tokens"}].
Reply handle_health(const Call& call) {
  HttpResponse response;
  const bool draining = call.app.draining.load();
  if (draining) response.status = 503;  // load balancers look at the status alone
  JsonWriter w(JsonWriter::kCompact);
  w.begin_object().field("status", draining ? "draining" : "ok");
  if (call.caller.may("server:view")) {
    w.key("models").begin_array();
    for (const auto& model : call.app.models) write_state(w, *model);
    w.end_array();
  }
  w.end_object();
  response.body = w.take();
  return response;
}

}  // namespace holdfast
