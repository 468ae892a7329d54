#include "server/answer_audit.h"

#include "files/json_writer.h"
#include "server/app.h"
#include "server/generation_answer.h"

namespace holdfast {

namespace {

int64_t milliseconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

// Texts of the client (stop strings and the like) are in the payload only.
void write_sampling(JsonWriter& w, const TextOptions& options) {
  const SamplingParams& sampling = options.sampling;
  w.key("sampling").begin_object();
  w.field("temperature", sampling.temperature).field("top_p", sampling.top_p);
  w.field("top_k", sampling.top_k).field("min_p", sampling.min_p);
  w.field("typical_p", sampling.typical_p).field("top_n_sigma", sampling.top_n_sigma);
  w.field("xtc_probability", sampling.xtc_probability);
  w.field("xtc_threshold", sampling.xtc_threshold);
  w.field("mirostat", sampling.mirostat).field("mirostat_tau", sampling.mirostat_tau);
  w.field("mirostat_eta", sampling.mirostat_eta);
  w.field("presence_penalty", sampling.presence_penalty);
  w.field("frequency_penalty", sampling.frequency_penalty);
  w.field("repetition_penalty", sampling.repetition_penalty);
  w.field("dry_multiplier", sampling.dry.multiplier).field("dry_base", sampling.dry.base);
  w.field("dry_allowed_length", sampling.dry.allowed_length);
  w.field("dry_penalty_last_n", sampling.dry.last_n);
  w.field("dry_sequence_breakers", sampling.dry.sequence_breakers.size());
  w.field("banned_strings", sampling.banned_strings.size());
  w.field("logit_biases", sampling.logit_bias.size()).field("stops", options.stop.size());
  w.field("max_tokens", options.max_tokens).field("ignore_eos", options.ignore_eos).end_object();
}

// "model": …, "sampling": …, "stream": …: all that decides the answer besides the prompt.
std::string facts_of(const ServedModel& model, const OpenAiRequest& request,
                     const ReasoningOptions* reasoning) {
  const TextOptions& options = request.options;
  JsonWriter w(JsonWriter::kCompact);
  w.begin_object().key("model").begin_object();
  w.field("id", model.id()).field("sha256", model.provenance().sha256);
  w.field("backend", model.provenance().backend).field("kv_type", model.provenance().kv_type);
  w.field("context", model.context());
  w.field("fingerprint", system_fingerprint(model)).null_field("adapter").end_object();
  write_sampling(w, options);
  if (reasoning != nullptr) {
    w.key("reasoning").begin_object();
    if (reasoning->enabled) w.field("enabled", *reasoning->enabled);
    w.field("budget", reasoning->budget).field("stop_loops", reasoning->stop_loops).end_object();
  }
  w.field("stream", request.stream).end_object();
  std::string text = w.take();
  return text.substr(1, text.size() - 2);  // without its braces
}

}  // namespace

std::string recorded_content(const TextEvent& event) {
  std::string text = event.content;
  for (const ToolCallDelta& delta : event.tool_calls) {
    if (!delta.name.empty()) text += "\x1e" + delta.name + "\x1f";
    text += delta.arguments;
  }
  return text;
}

std::string who_json(const Caller& caller) {
  JsonWriter w(JsonWriter::kCompact);
  w.begin_object().field("id", caller.name);
  if (!caller.tenant.empty()) w.field("tenant", caller.tenant);
  w.key("roles").begin_array();
  for (const std::string& role : caller.roles) w.value(role);
  w.end_array().field("credential", caller.credential).end_object();
  return w.take();
}

AnswerAudit::AnswerAudit(std::shared_ptr<Auditor> auditor, const Call& call, std::string_view route,
                         const ServedModel& model, const OpenAiRequest& request,
                         std::vector<uint64_t> seeds, const ReasoningOptions* reasoning)
    : record_(std::move(auditor), route),
      request_id_(call.request.id),
      facts_("\"who\":" + who_json(call.caller) + "," + facts_of(model, request, reasoning)),
      seeds_(std::move(seeds)) {
  const audit::PayloadKeys& keys = record_.auditor().keys();
  request_digest_ = to_hex(keys.digest("request").update(call.request.body).finish());
  if (record_.auditor().payload() != audit::PayloadPolicy::kHmac) body_ = call.request.body;
  for (size_t i = 0; i < seeds_.size(); ++i) {
    texts_.push_back({keys.digest("reasoning"), keys.digest("content"), {}, {}});
  }
  if (request.stream) record_.note(head("generation.begun") + "}");
}

void AnswerAudit::take(size_t choice, const TextEvent& event) {
  Texts& texts = texts_[choice];
  const std::string content = recorded_content(event);
  if (!first_ && !(event.reasoning.empty() && content.empty())) {
    first_ = Clock::now() - begin_;
  }
  texts.reasoning.update(event.reasoning);
  texts.content.update(content);
  if (record_.auditor().payload() == audit::PayloadPolicy::kHmac) return;
  texts.reasoning_text += event.reasoning;
  texts.content_text += content;
}

// An object's beginning, not closed yet.
std::string AnswerAudit::head(std::string_view event) const {
  JsonWriter w(JsonWriter::kCompact);
  w.begin_object()
      .field("event", event)
      .field("receipt", receipt())
      .field("route", record_.route());
  w.field("request_id", request_id_);
  return w.take() + "," + facts_ + ",\"request_hmac\":\"" + request_digest_ + "\"";
}

void AnswerAudit::close(const std::vector<Choice>& choices, const Usage& total,
                        std::string_view outcome, std::string_view error) {
  JsonWriter w(JsonWriter::kCompact);
  w.begin_object().field("key", record_.auditor().keys().id());
  w.field("outcome", outcome);
  if (!error.empty()) w.field("error", error);
  w.key("choices").begin_array();
  for (size_t i = 0; i < texts_.size(); ++i) {
    w.begin_object().field("seed", seeds_[i]);
    if (i < choices.size()) {
      const Choice& choice = choices[i];
      if (choice.done) w.field("finish", finish_reason_name(choice.finish));
      w.field("completion_tokens", choice.usage.completion_tokens);
      w.field("reasoning_tokens", choice.usage.reasoning_tokens);
    }
    w.field("reasoning_hmac", to_hex(texts_[i].reasoning.finish()));
    w.field("content_hmac", to_hex(texts_[i].content.finish())).end_object();
  }
  w.end_array().key("usage").begin_object();
  w.field("prompt_tokens", total.prompt_tokens).field("cached_tokens", total.cached_tokens);
  w.field("completion_tokens", total.completion_tokens);
  w.field("reasoning_tokens", total.reasoning_tokens).end_object();
  w.key("verdicts").begin_array().end_array();
  w.key("ms").begin_object();
  if (first_) w.field("first", milliseconds(*first_));
  w.field("total", milliseconds(Clock::now() - begin_)).end_object();
  if (record_.auditor().payload() != audit::PayloadPolicy::kHmac) {
    JsonWriter payload(JsonWriter::kCompact);
    payload.begin_object().field("request", body_).key("answers").begin_array();
    for (const Texts& texts : texts_) {
      payload.begin_object()
          .field("reasoning", texts.reasoning_text)
          .field("content", texts.content_text)
          .end_object();
    }
    payload.end_array().end_object();
    if (record_.auditor().payload() == audit::PayloadPolicy::kEncrypted) {
      w.key("payload").value(record_.auditor().keys().seal(payload.text(), receipt()));
    } else {
      w.key("payload").raw(payload.text());
    }
  }
  w.end_object();
  record_.close(head("generation") + "," + w.text().substr(1));
}

}  // namespace holdfast
