#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "files/json_writer.h"
#include "server/handlers.h"
#include "server/openai_format.h"
#include "server/response_store.h"
#include "server/responses_format.h"
#include "server/responses_request.h"
#include "server/submit.h"
#include "server/unix_time.h"

namespace holdfast {

namespace json = boost::json;

namespace {

constexpr std::string_view kRoute = "/v1/responses";

ApiError no_response(std::string_view id) {
  return {404,
          fmt::format("There is no response '{}' here: responses are kept in memory, for whoever "
                      "made them",
                      id),
          "response_not_found",
          "response_id",
          {}};
}

// The conversation with its answer: what a later request goes on from. Thinking stays out, as the
// models' own templates drop that of earlier turns.
std::string conversation(const std::string& messages_json, const std::string& content) {
  json::error_code ec;
  json::value messages = json::parse(messages_json, ec);
  if (ec || !messages.is_array()) return "[]";
  messages.get_array().push_back(json::object{{"role", "assistant"}, {"content", content}});
  return json::serialize(messages);
}

ApiResult<std::unique_ptr<Answer>> start_response(const Call& call) {
  if (auto ok = check_json_body(call.request); !ok) return tl::unexpected(std::move(ok).error());
  std::string earlier;
  if (const std::string id = previous_response_of(call.request.body); !id.empty()) {
    auto stored = call.app.responses->find(call.caller, id);
    if (!stored) {
      ApiError error = no_response(id);
      error.param = "previous_response_id";
      return tl::unexpected(std::move(error));
    }
    earlier = std::move(stored->messages);
  }
  auto parsed = parse_responses_request(call.request.body, earlier);
  if (!parsed) return tl::unexpected(std::move(parsed).error());
  auto started = start_chat(call, kRoute, parsed->chat);
  if (!started) return tl::unexpected(std::move(started).error());
  ResponsesEnvelope envelope{
      random_id("resp_"), started->model->id(), unix_time(), std::move(parsed->echo_json), {}};
  if (parsed->store) {
    envelope.keep = [store = call.app.responses, caller = call.caller, id = envelope.id,
                     messages = std::move(parsed->messages_json)](const std::string& response,
                                                                  const std::string&,
                                                                  const std::string& content) {
      store->put(caller, {id, response, conversation(messages, content)});
    };
  }
  return make_answer(call, kRoute, parsed->chat, std::move(*started),
                     make_responses_format(std::move(envelope)));
}

}  // namespace

Reply handle_responses(const Call& call) {
  auto answer = start_response(call);
  if (!answer) return answer.error().response();
  return std::move(*answer);
}

Reply handle_get_response(const Call& call) {
  auto stored = call.app.responses->find(call.caller, call.rest);
  if (!stored) return no_response(call.rest).response();
  return HttpResponse{.body = std::move(stored->response)};
}

Reply handle_delete_response(const Call& call) {
  if (!call.app.responses->erase(call.caller, call.rest)) return no_response(call.rest).response();
  JsonWriter w(JsonWriter::kCompact);
  w.begin_object().field("id", call.rest).field("object", "response").field("deleted", true);
  w.end_object();
  return HttpResponse{.body = w.take()};
}

}  // namespace holdfast
