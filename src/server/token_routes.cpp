// Tokens of texts and back, and what the chat template makes of messages. Both llama-server's
// fields ("content") and vLLM's ("prompt", "messages") are taken; "model" may be left out where
// there is one.
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "files/json_writer.h"
#include "server/handlers.h"
#include "server/openai_request.h"
#include "server/request_fields.h"
#include "server/submit.h"

namespace holdfast {

namespace json = boost::json;

namespace {

// The model that `fields` name, or the first that the caller may use.
ApiResult<ServedModel*> model_of(const Call& call, RequestFields& fields) {
  if (const auto id = fields.string("model")) return call.app.find_model(*id, call.caller);
  for (const auto& model : call.app.models) {
    if (call.caller.may_use_model(model->id())) return model.get();
  }
  return call.app.find_model("", call.caller);
}

// A chat's messages, checked as chat completions check them.
ApiResult<ChatRequest> messages_of(const ServedModel& model, const json::object& body) {
  json::object chat;
  for (const char* name : {"messages", "tools", "chat_template_kwargs"}) {
    if (const json::value* value = body.if_contains(name)) chat[name] = *value;
  }
  chat["model"] = model.id();
  auto request = parse_chat_object(chat);
  if (!request) return tl::unexpected(std::move(request).error());
  return chat_of(*request);
}

// Reads the body, then hands it and the model to `answer`.
template <class Answer>
Reply with_model(const Call& call, Answer&& answer) {
  const auto go = [&]() -> ApiResult<HttpResponse> {
    if (auto ok = check_json_body(call.request); !ok) return tl::unexpected(std::move(ok).error());
    auto parsed = parse_json_object(call.request.body);
    if (!parsed) return tl::unexpected(std::move(parsed).error());
    RequestFields fields(parsed->get_object());
    const auto model = model_of(call, fields);
    if (!model) return tl::unexpected(model.error());
    return answer(**model, parsed->get_object(), fields);
  };
  auto response = go();
  if (!response) return response.error().response();
  return std::move(*response);
}

// The bytes of a token: as text, or as an array where they are no whole characters.
void write_piece(JsonWriter& w, const std::string& piece) {
  JsonWriter as_text(JsonWriter::kCompact);
  as_text.value(piece);
  const bool whole = as_text.text().find("\xEF\xBF\xBD") == std::string::npos;
  if (whole) return void(w.value(piece));
  w.begin_array();
  for (const char c : piece) w.value(static_cast<int>(static_cast<unsigned char>(c)));
  w.end_array();
}

ApiResult<HttpResponse> tokenize(const ServedModel& model, const json::object& body,
                                 RequestFields& fields) {
  const auto content = fields.string("content");
  const auto prompt = fields.string("prompt");
  const bool chat = fields.has("messages");
  const bool vllm = !content;
  const auto add =
      fields.boolean("add_special").value_or(fields.boolean("add_special_tokens").value_or(vllm));
  const bool parse = fields.boolean("parse_special").value_or(true);
  const bool pieces = fields.boolean("with_pieces").value_or(false);
  const bool strings = fields.boolean("return_token_strs").value_or(false);
  if (!content && !prompt && !chat) {
    fields.fail("content", "'content', 'prompt' or 'messages' is missing",
                "missing_required_parameter");
  }
  if (fields.error()) return tl::unexpected(*fields.error());
  const Tokenizer& tokenizer = model.tokenizer();
  std::vector<int32_t> tokens;
  if (chat) {
    const auto request = messages_of(model, body);
    if (!request) return tl::unexpected(request.error());
    auto of_chat = model.prompt_tokens(*request);
    if (!of_chat) return tl::unexpected(submit_error(of_chat.error(), "messages"));
    tokens = std::move(*of_chat);
  } else {
    tokens =
        tokenizer.encode(content ? *content : *prompt, parse ? Special::kParse : Special::kAsText,
                         add && tokenizer.adds_bos());
  }
  JsonWriter w(JsonWriter::kCompact);
  w.begin_object();
  if (vllm) w.field("count", tokens.size()).field("max_model_len", model.context());
  w.key("tokens").begin_array();
  for (const int32_t token : tokens) {
    if (!pieces) {
      w.value(token);
      continue;
    }
    w.begin_object().field("id", token).key("piece");
    write_piece(w, tokenizer.piece(token, Special::kParse));
    w.end_object();
  }
  w.end_array();
  if (strings) {
    w.key("token_strs").begin_array();
    for (const int32_t token : tokens) w.value(tokenizer.piece(token, Special::kParse));
    w.end_array();
  }
  w.end_object();
  return HttpResponse{.body = w.take()};
}

ApiResult<HttpResponse> detokenize(const ServedModel& model, const json::object&,
                                   RequestFields& fields) {
  const json::value* tokens = fields.find("tokens");
  const json::array* array = tokens ? tokens->if_array() : nullptr;
  if (!array) {
    return api_fail(400, "'tokens' must be an array of token ids", "invalid_type", "tokens");
  }
  std::vector<int32_t> ids;
  for (size_t i = 0; i < array->size(); ++i) {
    json::error_code ec;
    const auto id = (*array)[i].is_int64() ? (*array)[i].to_number<int32_t>(ec) : -1;
    if (ec || id < 0 || id >= model.tokenizer().vocab_size()) {
      return api_fail(400, fmt::format("'tokens[{}]' is no token of this model", i),
                      "invalid_value", fmt::format("tokens[{}]", i));
    }
    ids.push_back(id);
  }
  const std::string text = model.tokenizer().decode(ids, Special::kParse);
  JsonWriter w(JsonWriter::kCompact);
  w.begin_object().field("content", text).field("prompt", text).end_object();
  return HttpResponse{.body = w.take()};
}

ApiResult<HttpResponse> apply_template(const ServedModel& model, const json::object& body,
                                       RequestFields&) {
  const auto request = messages_of(model, body);
  if (!request) return tl::unexpected(request.error());
  const auto prompt = model.render_prompt(*request);
  if (!prompt) return tl::unexpected(submit_error(prompt.error(), "messages"));
  JsonWriter w(JsonWriter::kCompact);
  w.begin_object().field("prompt", *prompt).end_object();
  return HttpResponse{.body = w.take()};
}

}  // namespace

Reply handle_tokenize(const Call& call) { return with_model(call, tokenize); }
Reply handle_detokenize(const Call& call) { return with_model(call, detokenize); }
Reply handle_apply_template(const Call& call) { return with_model(call, apply_template); }

}  // namespace holdfast
