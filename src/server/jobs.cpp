// OpenAI's files and batches.
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "files/json_writer.h"
#include "server/batch_runner.h"
#include "server/handlers.h"
#include "server/job_store.h"
#include "server/multipart.h"
#include "server/request_fields.h"
#include "server/submit.h"

namespace holdfast {

namespace json = boost::json;

namespace {

constexpr int64_t kWindow = 24 * 60 * 60;

ApiResult<JobStore*> store_of(const App& app) {
  if (app.jobs) return app.jobs.get();
  return api_fail(501, "This server stores no files", "unsupported");
}

tl::unexpected<ApiError> failed(const Error& error) { return tl::unexpected(to_api_error(error)); }

Reply reply_with(ApiResult<HttpResponse> response) {
  if (!response) return response.error().response();
  return std::move(*response);
}

void write_file(JsonWriter& w, const JobFile& file) {
  w.begin_object().field("id", file.id).field("object", "file").field("bytes", file.bytes);
  w.field("created_at", file.created).field("filename", file.filename);
  w.field("purpose", file.purpose).field("status", "processed").end_object();
}

void write_time(JsonWriter& w, std::string_view name, int64_t time) {
  time == 0 ? w.null_field(name) : w.field(name, time);
}

void write_batch(JsonWriter& w, const BatchJob& batch) {
  const auto id_or_null = [&](std::string_view name, const std::string& id) {
    id.empty() ? w.null_field(name) : w.field(name, id);
  };
  const auto ended_as = [&](BatchState state) { return batch.state == state ? batch.ended : 0; };
  w.begin_object().field("id", batch.id).field("object", "batch");
  w.field("endpoint", batch.endpoint).key("errors");
  if (batch.failure.empty()) {
    w.null();
  } else {
    w.begin_object().field("object", "list").key("data").begin_array().begin_object();
    w.field("code", "failed").field("message", batch.failure).null_field("param");
    w.null_field("line").end_object().end_array().end_object();
  }
  w.field("input_file_id", batch.input_file).field("completion_window", "24h");
  w.field("status", batch_state_name(batch.state));
  id_or_null("output_file_id", batch.output_file);
  id_or_null("error_file_id", batch.error_file);
  w.field("created_at", batch.created).field("in_progress_at", batch.created);
  w.field("expires_at", batch.created + kWindow);
  write_time(w, "finalizing_at", ended_as(BatchState::kCompleted));
  write_time(w, "completed_at", ended_as(BatchState::kCompleted));
  write_time(w, "failed_at", ended_as(BatchState::kFailed));
  w.null_field("expired_at");
  write_time(w, "cancelling_at", ended_as(BatchState::kCancelled));
  write_time(w, "cancelled_at", ended_as(BatchState::kCancelled));
  w.key("request_counts").begin_object().field("total", batch.total);
  w.field("completed", batch.succeeded).field("failed", batch.failed).end_object();
  w.key("metadata");
  batch.metadata_json.empty() ? void(w.null()) : void(w.raw(batch.metadata_json));
  w.end_object();
}

HttpResponse file_response(const JobFile& file) {
  JsonWriter w(JsonWriter::kCompact);
  write_file(w, file);
  return {.body = w.take()};
}
HttpResponse batch_response(const BatchJob& batch) {
  JsonWriter w(JsonWriter::kCompact);
  write_batch(w, batch);
  return {.body = w.take()};
}

// A list in pages is a list in one page here: `has_more` is never true.
template <class Item, class Write>
HttpResponse list_response(const std::vector<Item>& items, Write&& write) {
  JsonWriter w(JsonWriter::kCompact);
  w.begin_object().field("object", "list").key("data").begin_array();
  for (const Item& item : items) write(w, item);
  w.end_array();
  items.empty() ? w.null_field("first_id") : w.field("first_id", items.front().id);
  items.empty() ? w.null_field("last_id") : w.field("last_id", items.back().id);
  w.field("has_more", false).end_object();
  return {.body = w.take()};
}

ApiResult<HttpResponse> upload(const Call& call) {
  const auto store = store_of(call.app);
  if (!store) return tl::unexpected(store.error());
  const auto parts = parse_multipart(call.request.field("content-type"), call.request.body);
  if (!parts) return tl::unexpected(parts.error());
  const FormPart* file = nullptr;
  std::string purpose;
  for (const FormPart& part : *parts) {
    if (part.name == "file") file = &part;
    if (part.name == "purpose") purpose = part.data;
  }
  if (file == nullptr) {
    return api_fail(400, "The form has no 'file'", "missing_required_parameter", "file");
  }
  if (purpose != "batch" && purpose != "user_data") {
    return api_fail(400, "'purpose' must be batch or user_data", "invalid_value", "purpose");
  }
  const auto added =
      (*store)->add_file(call.caller.cache_salt(), file->filename.empty() ? "file" : file->filename,
                         purpose, file->data);
  if (!added) return failed(added.error());
  return file_response(*added);
}

ApiResult<HttpResponse> create_batch(const Call& call) {
  const auto store = store_of(call.app);
  if (!store) return tl::unexpected(store.error());
  if (auto ok = check_json_body(call.request); !ok) return tl::unexpected(std::move(ok).error());
  const auto parsed = parse_json_object(call.request.body);
  if (!parsed) return tl::unexpected(parsed.error());
  RequestFields fields(parsed->get_object());
  BatchJob batch;
  batch.input_file = fields.string("input_file_id").value_or("");
  batch.endpoint = fields.string("endpoint").value_or("");
  if (!is_batch_endpoint(batch.endpoint)) {
    fields.fail("endpoint",
                "'endpoint' must be /v1/chat/completions, /v1/completions, "
                "/v1/messages or /v1/responses",
                "invalid_value");
  }
  if (fields.string("completion_window").value_or("24h") != "24h") {
    fields.fail("completion_window", "'completion_window' must be 24h", "invalid_value");
  }
  if (const json::object* metadata = fields.object("metadata")) {
    batch.metadata_json = json::serialize(*metadata);
  }
  if (fields.error()) return tl::unexpected(*fields.error());
  if (!call.caller.may("model:read")) {
    return api_fail(403, "A batch needs the permission model:read", "permission_denied");
  }
  batch.scope = call.caller.cache_salt();
  const auto text = (*store)->content(batch.scope, batch.input_file);
  if (!text) {
    ApiError error = to_api_error(text.error());
    error.param = "input_file_id";
    return tl::unexpected(std::move(error));
  }
  const auto lines = parse_batch_input(*text, batch.endpoint);
  if (!lines) return tl::unexpected(lines.error());
  batch.total = static_cast<int64_t>(lines->size());
  batch.user = call.caller.name;
  batch.tenant = call.caller.tenant;
  batch.credential = call.caller.credential;
  batch.roles = call.caller.roles;
  batch.scopes = call.caller.scopes;
  const auto added = (*store)->add_batch(std::move(batch));
  if (!added) return failed(added.error());
  if (call.app.batch_runner) call.app.batch_runner->wake();
  return batch_response(*added);
}

// What a store's function gives, or its error.
template <class Get, class Show>
Reply answer_with(const Call& call, Get&& get, Show&& show) {
  const auto store = store_of(call.app);
  if (!store) return store.error().response();
  const auto got = get(**store, call.caller.cache_salt());
  if (!got) return to_api_error(got.error()).response();
  return show(*got);
}

}  // namespace

Reply handle_upload_file(const Call& call) { return reply_with(upload(call)); }

Reply handle_list_files(const Call& call) {
  return answer_with(
      call, [](JobStore& store, const std::string& scope) { return store.files(scope); },
      [](const std::vector<JobFile>& files) { return list_response(files, write_file); });
}

Reply handle_get_file(const Call& call) {
  return answer_with(
      call,
      [&](JobStore& store, const std::string& scope) {
        return store.file(scope, std::string(call.rest));
      },
      file_response);
}

Reply handle_file_content(const Call& call) {
  return answer_with(
      call,
      [&](JobStore& store, const std::string& scope) {
        return store.content(scope, std::string(call.rest));
      },
      [](const std::string& content) {
        HttpResponse response{.content_type = "application/octet-stream", .body = content};
        response.fields = {{"x-content-type-options", "nosniff"},
                           {"content-disposition", "attachment"}};
        return response;
      });
}

Reply handle_delete_file(const Call& call) {
  const std::string id(call.rest);
  const auto store = store_of(call.app);
  if (!store) return store.error().response();
  if (const Status gone = (*store)->remove_file(call.caller.cache_salt(), id); !gone) {
    return to_api_error(gone.error()).response();
  }
  JsonWriter w(JsonWriter::kCompact);
  w.begin_object().field("id", id).field("object", "file").field("deleted", true).end_object();
  return HttpResponse{.body = w.take()};
}

Reply handle_create_batch(const Call& call) { return reply_with(create_batch(call)); }

Reply handle_list_batches(const Call& call) {
  return answer_with(
      call, [](JobStore& store, const std::string& scope) { return store.batches(scope); },
      [](const std::vector<BatchJob>& batches) { return list_response(batches, write_batch); });
}

Reply handle_get_batch(const Call& call) {
  return answer_with(
      call,
      [&](JobStore& store, const std::string& scope) {
        return store.batch(scope, std::string(call.rest));
      },
      batch_response);
}

Reply handle_cancel_batch(const Call& call) {
  Reply reply = answer_with(
      call,
      [&](JobStore& store, const std::string& scope) {
        return store.cancel(scope, std::string(call.rest));
      },
      batch_response);
  if (call.app.batch_runner) call.app.batch_runner->wake();
  return reply;
}

}  // namespace holdfast
