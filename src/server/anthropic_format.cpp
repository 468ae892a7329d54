#include "server/anthropic_format.h"

#include "files/json_writer.h"
#include "server/sse.h"

namespace holdfast {

namespace {

std::string_view stop_reason(FinishReason finish, const std::string& stop) {
  if (finish == FinishReason::kLength) return "max_tokens";
  return stop.empty() ? "end_turn" : "stop_sequence";
}

// Anthropic counts what came from the cache apart from the rest of the prompt.
void write_usage(JsonWriter& w, const Usage& usage) {
  w.begin_object().field("input_tokens", usage.prompt_tokens - usage.cached_tokens);
  w.field("cache_creation_input_tokens", 0).field("cache_read_input_tokens", usage.cached_tokens);
  w.field("output_tokens", usage.completion_tokens).end_object();
}

class AnthropicFormat final : public AnswerFormat {
 public:
  explicit AnthropicFormat(AnthropicEnvelope envelope) : envelope_(std::move(envelope)) {}

  void opening(int32_t, const Usage& usage, std::string& out) override {
    JsonWriter w(JsonWriter::kCompact);
    w.begin_object().field("type", "message_start").key("message");
    write_message(w, usage, [](JsonWriter&) {}, {}, {});
    w.end_object();
    event("message_start", w, out);
  }

  void delta(int32_t, const TextEvent& event, std::string& out) override {
    if (!event.reasoning.empty() && envelope_.shows_thinking) {
      open(Block::kThinking, out);
      piece("thinking_delta", "thinking", event.reasoning, out);
    }
    if (!event.content.empty()) {
      open(Block::kText, out);
      piece("text_delta", "text", event.content, out);
    }
  }

  void closing(int32_t, const TextEvent& end, std::string& out) override {
    open(Block::kNone, out);
    JsonWriter w(JsonWriter::kCompact);
    w.begin_object().field("type", "message_delta").key("delta").begin_object();
    write_stop(w, end.finish, end.stop_string);
    w.end_object().key("usage");
    write_usage(w, end.usage);
    w.end_object();
    event("message_delta", w, out);
  }

  void ending(const Usage&, std::string& out) override {
    append_sse_event("message_stop", R"({"type":"message_stop"})", out);
  }

  void failure(const ApiError& error, std::string& out) override {
    append_sse_event("error", error.json(ErrorForm::kAnthropic), out);
  }

  HttpResponse refusal(const ApiError& error) override {
    return error.response(ErrorForm::kAnthropic);
  }

  std::string whole(const std::vector<Choice>& choices, const Usage& usage) override {
    const Choice& choice = choices.front();
    JsonWriter w(JsonWriter::kCompact);
    const auto blocks = [&](JsonWriter& to) {
      if (!choice.reasoning.empty() && envelope_.shows_thinking) {
        to.begin_object().field("type", "thinking").field("thinking", choice.reasoning);
        to.field("signature", envelope_.id).end_object();
      }
      if (!choice.content.empty()) {
        to.begin_object().field("type", "text").field("text", choice.content).end_object();
      }
    };
    write_message(w, usage, blocks, stop_reason(choice.finish, choice.stop_string),
                  choice.stop_string);
    return w.take();
  }

 private:
  enum class Block { kNone, kThinking, kText };

  static void event(std::string_view name, const JsonWriter& w, std::string& out) {
    append_sse_event(name, w.text(), out);
  }

  static void write_stop(JsonWriter& w, FinishReason finish, const std::string& stop) {
    w.field("stop_reason", stop_reason(finish, stop));
    stop.empty() ? w.null_field("stop_sequence") : w.field("stop_sequence", stop);
  }

  template <class WriteBlocks>
  void write_message(JsonWriter& w, const Usage& usage, WriteBlocks&& blocks,
                     std::string_view reason, const std::string& stop) {
    w.begin_object().field("id", envelope_.id).field("type", "message");
    w.field("role", "assistant").field("model", envelope_.model).key("content").begin_array();
    blocks(w);
    w.end_array();
    reason.empty() ? w.null_field("stop_reason") : w.field("stop_reason", reason);
    stop.empty() ? w.null_field("stop_sequence") : w.field("stop_sequence", stop);
    w.key("usage");
    write_usage(w, usage);
    w.end_object();
  }

  // Closes the block that is open and begins another, unless it is of that kind already.
  void open(Block kind, std::string& out) {
    if (kind == open_) return;
    if (open_ == Block::kThinking) piece("signature_delta", "signature", envelope_.id, out);
    if (open_ != Block::kNone) {
      JsonWriter w(JsonWriter::kCompact);
      w.begin_object().field("type", "content_block_stop").field("index", index_).end_object();
      event("content_block_stop", w, out);
      ++index_;
    }
    open_ = kind;
    if (kind == Block::kNone) return;
    JsonWriter w(JsonWriter::kCompact);
    w.begin_object().field("type", "content_block_start").field("index", index_);
    w.key("content_block").begin_object();
    if (kind == Block::kThinking) {
      w.field("type", "thinking").field("thinking", "").field("signature", "");
    } else {
      w.field("type", "text").field("text", "");
    }
    w.end_object().end_object();
    event("content_block_start", w, out);
  }

  void piece(std::string_view type, std::string_view member, std::string_view text,
             std::string& out) {
    JsonWriter w(JsonWriter::kCompact);
    w.begin_object().field("type", "content_block_delta").field("index", index_);
    w.key("delta").begin_object().field("type", type).field(member, text).end_object();
    w.end_object();
    event("content_block_delta", w, out);
  }

  AnthropicEnvelope envelope_;
  Block open_ = Block::kNone;
  int32_t index_ = 0;  // of the open block
};

}  // namespace

std::unique_ptr<AnswerFormat> make_anthropic_format(AnthropicEnvelope envelope) {
  return std::make_unique<AnthropicFormat>(std::move(envelope));
}

}  // namespace holdfast
