#include "server/chat_format.h"

#include "server/sse.h"

namespace holdfast {

namespace {

void write_token(JsonWriter& w, const TextLogprob& token) {
  // A token may be part of a character: its text then holds U+FFFD, its bytes are exact.
  w.field("token", token.token).field("logprob", finite_logprob(token.logprob));
  w.key("bytes").begin_array();
  for (const char c : token.token) w.value(static_cast<int>(static_cast<unsigned char>(c)));
  w.end_array();
}

void write_tokens(JsonWriter& w, const std::vector<TextLogprobs>& tokens) {
  w.begin_array();
  for (const TextLogprobs& token : tokens) {
    w.begin_object();
    write_token(w, token.chosen);
    w.key("top_logprobs").begin_array();
    for (const TextLogprob& other : token.top) {
      w.begin_object();
      write_token(w, other);
      w.end_object();
    }
    w.end_array().end_object();
  }
  w.end_array();
}

// OpenAI's object, and the thinking's tokens beside it as DeepSeek's API has them.
void write_logprobs(JsonWriter& w, const std::vector<TextLogprobs>& content,
                    const std::vector<TextLogprobs>& reasoning) {
  w.begin_object().key("content");
  write_tokens(w, content);
  w.key("reasoning_content");
  reasoning.empty() ? void(w.null()) : write_tokens(w, reasoning);
  w.null_field("refusal").end_object();
}

class ChatFormat final : public AnswerFormat {
 public:
  ChatFormat(Envelope envelope, bool logprobs, bool with_usage)
      : envelope_(std::move(envelope)), logprobs_(logprobs), with_usage_(with_usage) {}

  void opening(int32_t index, const Usage&, std::string& out) override {
    chunk(index, out, nullptr, {},
          [](JsonWriter& w) { w.field("role", "assistant").field("content", ""); });
  }

  void delta(int32_t index, const TextEvent& event, std::string& out) override {
    chunk(index, out, &event, {}, [&](JsonWriter& w) {
      if (!event.reasoning.empty()) w.field("reasoning_content", event.reasoning);
      if (!event.content.empty() || event.reasoning.empty()) w.field("content", event.content);
    });
  }

  void closing(int32_t index, const TextEvent& end, std::string& out) override {
    chunk(index, out, nullptr, finish_name(end.finish), [](JsonWriter&) {});
  }

  void ending(const Usage& usage, std::string& out) override {
    if (with_usage_) append_sse(usage_chunk(envelope_, kChunk, usage), out);
    append_sse("[DONE]", out);
  }

  std::string whole(const std::vector<Choice>& choices, const Usage& usage) override {
    JsonWriter w(JsonWriter::kCompact);
    w.begin_object();
    write_envelope(w, envelope_, "chat.completion");
    w.key("choices").begin_array();
    for (size_t i = 0; i < choices.size(); ++i) {
      const Choice& choice = choices[i];
      w.begin_object().field("index", i).key("message").begin_object();
      w.field("role", "assistant").field("content", choice.content);
      choice.reasoning.empty() ? w.null_field("reasoning_content")
                               : w.field("reasoning_content", choice.reasoning);
      w.null_field("refusal").end_object().key("logprobs");
      logprobs_ ? write_logprobs(w, choice.logprobs, choice.reasoning_logprobs) : void(w.null());
      w.field("finish_reason", finish_name(choice.finish)).end_object();
    }
    w.end_array().key("usage");
    write_usage(w, usage);
    w.end_object();
    return w.take();
  }

 private:
  static constexpr std::string_view kChunk = "chat.completion.chunk";

  template <class WriteDelta>
  void chunk(int32_t index, std::string& out, const TextEvent* event, std::string_view finish,
             WriteDelta&& write_delta) {
    JsonWriter w(JsonWriter::kCompact);
    w.begin_object();
    write_envelope(w, envelope_, kChunk);
    w.key("choices").begin_array().begin_object().field("index", index);
    w.key("delta").begin_object();
    write_delta(w);
    w.end_object().key("logprobs");
    logprobs_&& event ? write_logprobs(w, event->logprobs, event->reasoning_logprobs)
                      : void(w.null());
    finish.empty() ? w.null_field("finish_reason") : w.field("finish_reason", finish);
    w.end_object().end_array();
    if (with_usage_) w.null_field("usage");
    w.end_object();
    append_sse(w.text(), out);
  }

  Envelope envelope_;
  bool logprobs_, with_usage_;
};

}  // namespace

std::unique_ptr<AnswerFormat> make_chat_format(Envelope envelope, bool logprobs, bool with_usage) {
  return std::make_unique<ChatFormat>(std::move(envelope), logprobs, with_usage);
}

}  // namespace holdfast
