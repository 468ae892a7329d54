#include "server/responses_format.h"

#include "files/json_writer.h"
#include "server/openai_format.h"
#include "server/sse.h"

namespace holdfast {

namespace {

enum class Kind { kReasoning, kMessage };

// One thing of the output: thinking, or what was said.
struct Item {
  Kind kind;
  std::string id, text;
  bool done = false;
};

std::string_view part_type(Kind kind) {
  return kind == Kind::kReasoning ? "reasoning_text" : "output_text";
}

void write_part(JsonWriter& w, const Item& item, std::string_view text) {
  w.begin_object().field("type", part_type(item.kind)).field("text", text);
  if (item.kind == Kind::kMessage) {
    w.key("annotations").begin_array().end_array().key("logprobs").begin_array().end_array();
  }
  w.end_object();
}

void write_item(JsonWriter& w, const Item& item) {
  const bool says = item.kind == Kind::kMessage;
  w.begin_object().field("id", item.id).field("type", says ? "message" : "reasoning");
  w.field("status", item.done ? "completed" : "in_progress");
  if (says) {
    w.field("role", "assistant");
  } else {
    w.key("summary").begin_array().end_array();
  }
  w.key("content").begin_array();
  if (item.done) write_part(w, item, item.text);
  w.end_array().end_object();
}

void write_response_usage(JsonWriter& w, const Usage& usage) {
  w.begin_object().field("input_tokens", usage.prompt_tokens);
  w.key("input_tokens_details").begin_object();
  w.field("cached_tokens", usage.cached_tokens).end_object();
  w.field("output_tokens", usage.completion_tokens);
  w.key("output_tokens_details").begin_object();
  w.field("reasoning_tokens", usage.reasoning_tokens).end_object();
  w.field("total_tokens", int64_t{usage.prompt_tokens} + usage.completion_tokens).end_object();
}

class ResponsesFormat final : public AnswerFormat {
 public:
  explicit ResponsesFormat(ResponsesEnvelope envelope) : envelope_(std::move(envelope)) {}

  void opening(int32_t, const Usage&, std::string& out) override {
    tell_response("response.created", "in_progress", out);
    tell_response("response.in_progress", "in_progress", out);
  }

  void delta(int32_t, const TextEvent& event, std::string& out) override {
    if (!event.reasoning.empty()) piece(Kind::kReasoning, event.reasoning, out);
    if (!event.content.empty()) piece(Kind::kMessage, event.content, out);
  }

  void closing(int32_t, const TextEvent& end, std::string& out) override {
    close_item(out);
    finish_ = end.finish;
  }

  void ending(const Usage& usage, std::string& out) override {
    usage_ = usage;
    const bool cut = finish_ == FinishReason::kLength;
    const std::string_view status = cut ? "incomplete" : "completed";
    tell_response(cut ? "response.incomplete" : "response.completed", status, out);
    keep(response(status));
  }

  void failure(const ApiError& error, std::string& out) override {
    error_ = error;
    tell_response("response.failed", "failed", out);
  }

  std::string whole(const std::vector<Choice>& choices, const Usage& usage) override {
    const Choice& choice = choices.front();
    usage_ = usage;
    finish_ = choice.finish;
    if (!choice.reasoning.empty()) add(Kind::kReasoning, choice.reasoning);
    if (!choice.content.empty() || choice.reasoning.empty()) add(Kind::kMessage, choice.content);
    std::string text = response(finish_ == FinishReason::kLength ? "incomplete" : "completed");
    keep(text);
    return text;
  }

 private:
  void add(Kind kind, const std::string& text) {
    items_.push_back({kind, new_id(kind), text, true});
  }

  static std::string new_id(Kind kind) {
    return random_id(kind == Kind::kReasoning ? "rs_" : "msg_");
  }

  void keep(const std::string& response) {
    if (!envelope_.keep) return;
    std::string reasoning, content;
    for (const Item& item : items_) {
      (item.kind == Kind::kReasoning ? reasoning : content) += item.text;
    }
    envelope_.keep(response, reasoning, content);
  }

  std::string response(std::string_view status) const {
    JsonWriter w(JsonWriter::kCompact);
    w.begin_object().field("id", envelope_.id).field("object", "response");
    w.field("created_at", envelope_.created).field("status", status);
    w.key("error");
    if (error_) {
      w.begin_object().field("code", "server_error").field("message", error_->message).end_object();
    } else {
      w.null();
    }
    w.key("incomplete_details");
    if (status == "incomplete") {
      w.begin_object().field("reason", "max_output_tokens").end_object();
    } else {
      w.null();
    }
    w.field("model", envelope_.model).key("output").begin_array();
    for (const Item& item : items_) write_item(w, item);
    w.end_array().key("usage");
    status == "in_progress" || error_ ? void(w.null()) : write_response_usage(w, usage_);
    return w.take() + "," + envelope_.echo_json + "}";
  }

  // An event's beginning.
  JsonWriter begin(std::string_view type) {
    JsonWriter w(JsonWriter::kCompact);
    w.begin_object().field("type", type).field("sequence_number", next_event_++);
    return w;
  }
  static void send(std::string_view type, JsonWriter& w, std::string& out) {
    w.end_object();
    append_sse_event(type, w.text(), out);
  }

  void tell_response(std::string_view type, std::string_view status, std::string& out) {
    JsonWriter w = begin(type);
    w.key("response").raw(response(status));
    send(type, w, out);
  }

  void tell_item(std::string_view type, std::string& out) {
    JsonWriter w = begin(type);
    w.field("output_index", items_.size() - 1).key("item");
    write_item(w, items_.back());
    send(type, w, out);
  }

  // Events about the last item's one part.
  JsonWriter begin_of_part(std::string_view type) {
    JsonWriter w = begin(type);
    w.field("item_id", items_.back().id).field("output_index", items_.size() - 1);
    w.field("content_index", 0);
    return w;
  }

  void tell_part(std::string_view type, std::string_view text, std::string& out) {
    JsonWriter w = begin_of_part(type);
    w.key("part");
    write_part(w, items_.back(), text);
    send(type, w, out);
  }

  void tell_text(std::string_view step, std::string_view member, std::string_view text,
                 std::string& out) {
    const std::string type =
        std::string("response.") + std::string(part_type(items_.back().kind)) + std::string(step);
    JsonWriter w = begin_of_part(type);
    w.field(member, text);
    if (items_.back().kind == Kind::kMessage) w.key("logprobs").begin_array().end_array();
    send(type, w, out);
  }

  void piece(Kind kind, const std::string& text, std::string& out) {
    if (items_.empty() || items_.back().kind != kind) {
      close_item(out);
      items_.push_back({kind, new_id(kind), {}, false});
      tell_item("response.output_item.added", out);
      tell_part("response.content_part.added", "", out);
    }
    items_.back().text += text;
    tell_text(".delta", "delta", text, out);
  }

  void close_item(std::string& out) {
    if (items_.empty() || items_.back().done) return;
    items_.back().done = true;
    const std::string text = items_.back().text;
    tell_text(".done", "text", text, out);
    tell_part("response.content_part.done", text, out);
    tell_item("response.output_item.done", out);
  }

  ResponsesEnvelope envelope_;
  std::vector<Item> items_;
  Usage usage_;
  FinishReason finish_ = FinishReason::kStop;
  std::optional<ApiError> error_;
  int64_t next_event_ = 0;
};

}  // namespace

std::unique_ptr<AnswerFormat> make_responses_format(ResponsesEnvelope envelope) {
  return std::make_unique<ResponsesFormat>(std::move(envelope));
}

}  // namespace holdfast
