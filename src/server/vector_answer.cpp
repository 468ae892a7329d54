#include "server/vector_answer.h"

#include <limits>
#include <utility>

#include "base/digest.h"
#include "files/json_writer.h"
#include "server/answer_audit.h"

namespace holdfast {

VectorAudit::VectorAudit(std::shared_ptr<Auditor> auditor, const Call& call, std::string_view route,
                         std::string_view event, const ServedEmbedder& model)
    : record_(std::move(auditor), route) {
  const audit::PayloadKeys& keys = record_.auditor().keys();
  JsonWriter w(JsonWriter::kCompact);
  w.begin_object().field("event", event).field("receipt", record_.receipt());
  w.field("route", route).field("request_id", call.request.id);
  w.key("who").raw(who_json(call.caller));
  w.key("model").begin_object().field("id", model.id());
  w.field("sha256", model.provenance().sha256).field("backend", model.provenance().backend);
  w.end_object();
  w.field("request_hmac", to_hex(keys.digest("request").update(call.request.body).finish()));
  w.field("key", keys.id());
  facts_ = w.take();
  if (record_.auditor().payload() != audit::PayloadPolicy::kHmac) request_ = call.request.body;
}

void VectorAudit::close(std::string_view outcome, std::string_view error, int64_t tokens,
                        std::string_view answer) {
  const audit::PayloadKeys& keys = record_.auditor().keys();
  JsonWriter w(JsonWriter::kCompact);
  w.begin_object().field("outcome", outcome);
  if (!error.empty()) w.field("error", error);
  w.field("answer_hmac", to_hex(keys.digest("answer").update(answer).finish()));
  w.key("usage").begin_object().field("prompt_tokens", tokens).end_object();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin_);
  w.key("ms").begin_object().field("total", took.count()).end_object();
  // The answer can be computed again; it is not stored.
  if (record_.auditor().payload() != audit::PayloadPolicy::kHmac) {
    JsonWriter payload(JsonWriter::kCompact);
    payload.begin_object().field("request", request_).end_object();
    if (record_.auditor().payload() == audit::PayloadPolicy::kEncrypted) {
      w.key("payload").value(keys.seal(payload.text(), record_.receipt()));
    } else {
      w.key("payload").raw(payload.text());
    }
  }
  w.end_object();
  record_.close(facts_ + "," + w.text().substr(1));
}

VectorAnswer::VectorAnswer(std::shared_ptr<VectorJob> job, Format format,
                           std::unique_ptr<VectorAudit> audit)
    : job_(std::move(job)), format_(std::move(format)), audit_(std::move(audit)) {}

VectorAnswer::~VectorAnswer() {
  if (state_ == State::kRunning) close("cancelled");  // the client left
}

void VectorAnswer::on_ready(std::function<void()> wake) {
  if (audit_) audit_->record().on_settled(wake);
  job_->on_ready(std::move(wake));
}

Answer::Progress VectorAnswer::advance(std::string&) {
  if (state_ == State::kRunning) {
    auto result = job_->try_take();
    if (!result) return Progress::kWaiting;
    if (*result) {
      body_ = format_(std::move(**result), job_->tokens());
      close("complete");
    } else {
      error_ = to_api_error(result->error());
      close("failed");
    }
  }
  if (state_ == State::kClosing && audit_) {
    const auto settled = audit_->record().settled();
    if (!settled) return Progress::kWaiting;
    if (!*settled && !error_) error_ = audit_unavailable();
  }
  state_ = State::kDone;
  return Progress::kDone;
}

void VectorAnswer::interrupt(std::string&) {
  if (state_ == State::kDone) return;
  error_ = to_api_error({Code::kUnavailable, "The server is stopping"});
  if (state_ == State::kRunning) close("failed");
  state_ = State::kDone;
}

void VectorAnswer::close(std::string_view outcome) {
  state_ = State::kClosing;
  if (!audit_) return;
  audit_->close(outcome, error_ ? error_->code : std::string_view(), usage().prompt_tokens, body_);
}

HttpResponse VectorAnswer::response() {
  if (error_) return error_->response();
  return {.body = std::move(body_)};
}

HttpFields VectorAnswer::fields() const {
  if (!audit_) return {};
  return {{"holdfast-receipt", audit_->record().receipt()}};
}

Usage VectorAnswer::usage() const {
  Usage usage;
  usage.prompt_tokens =
      static_cast<int32_t>(std::min<int64_t>(job_->tokens(), std::numeric_limits<int32_t>::max()));
  return usage;
}

}  // namespace holdfast
