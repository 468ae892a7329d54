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
  ChatFormat(Envelope envelope, const ChatFormatOptions& options)
      : envelope_(std::move(envelope)), options_(options) {}

  void opening(int32_t index, const Usage&, std::string& out) override {
    chunk(index, out, nullptr, {},
          [](JsonWriter& w) { w.field("role", "assistant").field("content", ""); });
  }

  void delta(int32_t index, const TextEvent& event, std::string& out) override {
    chunk(index, out, &event, {}, [&](JsonWriter& w) {
      if (!event.reasoning.empty()) write_reasoning(w, event.reasoning);
      if (!event.tool_calls.empty()) write_calls(w, event.tool_calls, true);
      if (!event.content.empty() || (event.reasoning.empty() && event.tool_calls.empty()))
        w.field("content", event.content);
    });
  }

  void thought(int32_t index, int32_t tokens, std::string& out) override {
    chunk(index, out, nullptr, {}, [&](JsonWriter& w) { w.field("reasoning_tokens", tokens); });
  }

  void closing(int32_t index, const TextEvent& end, std::string& out) override {
    chunk(
        index, out, nullptr, finish_name(end.finish), [](JsonWriter&) {}, end.thinking_end);
  }

  void ending(const Usage& usage, std::string& out) override {
    if (options_.with_usage) append_sse(usage_chunk(envelope_, kChunk, usage), out);
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
      w.field("role", "assistant");
      choice.content.empty() && !choice.tool_calls.empty() ? w.null_field("content")
                                                           : w.field("content", choice.content);
      if (!choice.tool_calls.empty()) write_calls(w, choice.tool_calls, false);
      write_reasoning(w, choice.reasoning);
      if (choice.thought > 0) w.field("reasoning_tokens", choice.thought);
      w.null_field("refusal").end_object().key("logprobs");
      options_.logprobs ? write_logprobs(w, choice.logprobs, choice.reasoning_logprobs)
                        : void(w.null());
      w.field("finish_reason", finish_name(choice.finish));
      write_thinking_end(w, choice.thinking_end);
      w.end_object();
    }
    w.end_array().key("usage");
    write_usage(w, usage);
    w.end_object();
    return w.take();
  }

 private:
  static constexpr std::string_view kChunk = "chat.completion.chunk";

  // `deltas`: pieces, of which a call's first has its name.
  static void write_calls(JsonWriter& w, const std::vector<ToolCallDelta>& calls, bool deltas) {
    w.key("tool_calls").begin_array();
    for (const ToolCallDelta& call : calls) {
      w.begin_object();
      if (deltas) w.field("index", call.index);
      if (!call.name.empty()) w.field("id", random_id("call_")).field("type", "function");
      w.key("function").begin_object();
      if (!call.name.empty()) w.field("name", call.name);
      w.field("arguments", call.arguments).end_object().end_object();
    }
    w.end_array();
  }

  void write_reasoning(JsonWriter& w, const std::string& text) const {
    const auto write = [&](std::string_view name) {
      text.empty() ? w.null_field(name) : w.field(name, text);
    };
    if (options_.reasoning != ReasoningField::kReasoning) write("reasoning_content");
    if (options_.reasoning != ReasoningField::kReasoningContent) write("reasoning");
  }

  // Only where somebody else than the model ended it.
  static void write_thinking_end(JsonWriter& w, ThinkingEnd end) {
    if (end != ThinkingEnd::kOwn) w.field("reasoning_finish_reason", thinking_end_name(end));
  }

  template <class WriteDelta>
  void chunk(int32_t index, std::string& out, const TextEvent* event, std::string_view finish,
             WriteDelta&& write_delta, ThinkingEnd thinking_end = ThinkingEnd::kOwn) {
    JsonWriter w(JsonWriter::kCompact);
    w.begin_object();
    write_envelope(w, envelope_, kChunk);
    w.key("choices").begin_array().begin_object().field("index", index);
    w.key("delta").begin_object();
    write_delta(w);
    w.end_object().key("logprobs");
    options_.logprobs&& event ? write_logprobs(w, event->logprobs, event->reasoning_logprobs)
                              : void(w.null());
    finish.empty() ? w.null_field("finish_reason") : w.field("finish_reason", finish);
    write_thinking_end(w, thinking_end);
    w.end_object().end_array();
    if (options_.with_usage) w.null_field("usage");
    w.end_object();
    append_sse(w.text(), out);
  }

  Envelope envelope_;
  ChatFormatOptions options_;
};

}  // namespace

std::unique_ptr<AnswerFormat> make_chat_format(Envelope envelope,
                                               const ChatFormatOptions& options) {
  return std::make_unique<ChatFormat>(std::move(envelope), options);
}

}  // namespace holdfast
