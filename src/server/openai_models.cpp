#include "files/json_writer.h"
#include "server/handlers.h"

namespace holdfast {

namespace {

// OpenAI's model object; max_model_len is an addition several servers share.
template <class M>
void write_model(JsonWriter& w, const M& model) {
  w.begin_object()
      .field("id", model.id())
      .field("object", "model")
      .field("created", model.created())
      .field("owned_by", "holdfast")
      .field("max_model_len", model.context())
      .end_object();
}

}  // namespace

Reply handle_list_models(const Call& call) {
  HttpResponse response;
  JsonWriter w(JsonWriter::kCompact);
  w.begin_object().field("object", "list").key("data").begin_array();
  for (const auto& model : call.app.models) {
    if (call.caller.may_use_model(model->id())) write_model(w, *model);
  }
  for (const auto& model : call.app.embedders) {
    if (call.caller.may_use_model(model->id())) write_model(w, *model);
  }
  w.end_array().end_object();
  response.body = w.take();
  return response;
}

Reply handle_get_model(const Call& call) {
  HttpResponse response;
  JsonWriter w(JsonWriter::kCompact);
  for (const bool reranks : {false, true}) {
    const auto embedder = call.app.find_embedder(call.rest, call.caller, reranks);
    if (!embedder) continue;
    write_model(w, **embedder);
    response.body = w.take();
    return response;
  }
  const auto model = call.app.find_model(call.rest, call.caller);
  if (!model) return model.error().response();
  write_model(w, **model);
  response.body = w.take();
  return response;
}

}  // namespace holdfast
