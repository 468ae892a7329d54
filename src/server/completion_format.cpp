#include "server/completion_format.h"

#include "server/sse.h"

namespace holdfast {

namespace {

int64_t count_characters(std::string_view bytes) {
  int64_t count = 0;
  for (const char c : bytes) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

class CompletionFormat final : public AnswerFormat {
 public:
  CompletionFormat(Envelope envelope, int32_t choices, bool logprobs, bool with_usage)
      : envelope_(std::move(envelope)),
        logprobs_(logprobs),
        with_usage_(with_usage),
        offsets_(static_cast<size_t>(choices)) {}

  void opening(int32_t, const Usage&, std::string&) override {}

  void delta(int32_t index, const TextEvent& event, std::string& out) override {
    chunk(index, event.reasoning + event.content, &event.logprobs, {}, out);
  }

  void closing(int32_t index, const TextEvent& end, std::string& out) override {
    chunk(index, {}, nullptr, finish_name(end.finish), out);
  }

  void ending(const Usage& usage, std::string& out) override {
    if (with_usage_) append_sse(usage_chunk(envelope_, kObject, usage), out);
    append_sse("[DONE]", out);
  }

  std::string whole(const std::vector<Choice>& choices, const Usage& usage) override {
    JsonWriter w(JsonWriter::kCompact);
    w.begin_object();
    write_envelope(w, envelope_, kObject);
    w.key("choices").begin_array();
    for (size_t i = 0; i < choices.size(); ++i) {
      const Choice& choice = choices[i];
      write_choice(w, static_cast<int32_t>(i), choice.reasoning + choice.content, &choice.logprobs,
                   finish_name(choice.finish));
    }
    w.end_array().key("usage");
    write_usage(w, usage);
    w.end_object();
    return w.take();
  }

 private:
  static constexpr std::string_view kObject = "text_completion";

  // The older form: parallel arrays; text_offset counts characters of this choice's text.
  void write_logprobs(JsonWriter& w, int32_t index, const std::vector<TextLogprobs>& tokens) {
    w.begin_object().key("tokens").begin_array();
    for (const TextLogprobs& token : tokens) w.value(token.chosen.token);
    w.end_array().key("token_logprobs").begin_array();
    for (const TextLogprobs& token : tokens) w.value(finite_logprob(token.chosen.logprob));
    w.end_array().key("top_logprobs").begin_array();
    for (const TextLogprobs& token : tokens) {
      w.begin_object();
      for (const TextLogprob& other : token.top)
        w.field(other.token, finite_logprob(other.logprob));
      w.end_object();
    }
    w.end_array().key("text_offset").begin_array();
    int64_t& offset = offsets_[static_cast<size_t>(index)];
    for (const TextLogprobs& token : tokens) {
      w.value(offset);
      offset += count_characters(token.chosen.token);
    }
    w.end_array().end_object();
  }

  void write_choice(JsonWriter& w, int32_t index, std::string_view text,
                    const std::vector<TextLogprobs>* logprobs, std::string_view finish) {
    w.begin_object().field("index", index).field("text", text).key("logprobs");
    logprobs_&& logprobs ? write_logprobs(w, index, *logprobs) : void(w.null());
    finish.empty() ? w.null_field("finish_reason") : w.field("finish_reason", finish);
    w.end_object();
  }

  void chunk(int32_t index, std::string_view piece, const std::vector<TextLogprobs>* logprobs,
             std::string_view finish, std::string& out) {
    JsonWriter w(JsonWriter::kCompact);
    w.begin_object();
    write_envelope(w, envelope_, kObject);
    w.key("choices").begin_array();
    write_choice(w, index, piece, logprobs, finish);
    w.end_array();
    if (with_usage_) w.null_field("usage");
    w.end_object();
    append_sse(w.text(), out);
  }

  Envelope envelope_;
  bool logprobs_, with_usage_;
  std::vector<int64_t> offsets_;  // of each choice's next token
};

}  // namespace

std::unique_ptr<AnswerFormat> make_completion_format(Envelope envelope, int32_t choices,
                                                     bool logprobs, bool with_usage) {
  return std::make_unique<CompletionFormat>(std::move(envelope), choices, logprobs, with_usage);
}

}  // namespace holdfast
