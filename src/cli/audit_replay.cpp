// holdfast audit replay: the answer of a record, computed again and compared to the bit.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "audit/payload.h"
#include "audit/query.h"
#include "base/state_file.h"
#include "cli/audit_command.h"
#include "cli/load_served.h"
#include "cli/model_opener.h"
#include "cli/model_option.h"
#include "files/json_writer.h"
#include "files/model_digest.h"
#include "server/answer_audit.h"
#include "server/openai_request.h"
#include "server/submit.h"

namespace holdfast::cli {

namespace {

namespace json = boost::json;

struct ReplayOptions : LogPlace {
  std::string receipt, model, request_file;
  OpenOptions open;
  int threads = 0;
  bool json = false;
};

// What the record says, as far as a replay needs it.
struct Recorded {
  std::string route, model, sha256, backend, kv_type, key, request_hmac;
  int64_t context = 0;
  std::optional<int32_t> thinking_budget;  // as the caller's roles left it
  struct Choice {
    uint64_t seed = 0;
    std::string reasoning_hmac, content_hmac;
  };
  std::vector<Choice> choices;
  std::string payload;  // JSON, opened; empty: only digests were kept
};

tl::unexpected<Error> not_replayable(std::string message, std::string hint = {}) {
  return fail(Code::kInvalidArgument, std::move(message), {}, std::move(hint));
}

Result<Recorded> parse_record(const std::string& body) {
  Recorded out;
  try {
    const json::value value = json::parse(body);
    const auto text = [](const json::value& at, std::string_view name) {
      return std::string(at.at(name).as_string());
    };
    if (text(value, "event") != "generation") {
      return not_replayable("this answer was begun and never closed: there is nothing to compare");
    }
    if (text(value, "outcome") != "complete") {
      return not_replayable(
          fmt::format("this answer was not completed ({})", text(value, "outcome")),
          "only complete answers can be compared");
    }
    out.route = text(value, "route");
    out.key = text(value, "key");
    out.request_hmac = text(value, "request_hmac");
    const json::value& model = value.at("model");
    out.model = text(model, "id");
    out.sha256 = text(model, "sha256");
    out.backend = text(model, "backend");
    out.kv_type = text(model, "kv_type");
    out.context = model.at("context").to_number<int64_t>();
    if (const auto* reasoning = value.as_object().if_contains("reasoning"))
      out.thinking_budget = reasoning->at("budget").to_number<int32_t>();
    for (const json::value& choice : value.at("choices").as_array()) {
      out.choices.push_back({choice.at("seed").to_number<uint64_t>(),
                             text(choice, "reasoning_hmac"), text(choice, "content_hmac")});
    }
    if (const auto* payload = value.as_object().if_contains("payload")) {
      out.payload =
          payload->is_string() ? std::string(payload->get_string()) : json::serialize(*payload);
    }
  } catch (const std::exception&) {
    return fail(Code::kCorrupt, "the record is not as this version writes them");
  }
  return out;
}

// The request's body, byte for byte: from the payload, or from the file the client kept.
Result<std::string> request_of(const ReplayOptions& options, Recorded& recorded,
                               const std::optional<audit::PayloadKeys>& keys) {
  if (!options.request_file.empty()) return read_small_file(options.request_file, 256u << 20);
  if (recorded.payload.empty()) {
    return not_replayable(
        "the log keeps only digests of this request, so the prompt is not known",
        "name the request's body with --request FILE, or serve with --audit-payload encrypted");
  }
  if (!recorded.payload.starts_with('{')) {
    if (!keys) {
      return fail(Code::kPermissionDenied, "the request is encrypted, and its key is not here",
                  options.place().payload_key());
    }
    ASSIGN_OR_RETURN(recorded.payload, keys->open(recorded.payload, options.receipt));
  }
  boost::system::error_code ec;
  const json::value value = json::parse(recorded.payload, ec);
  const auto* request =
      !ec && value.is_object() ? value.get_object().if_contains("request") : nullptr;
  if (request == nullptr || !request->is_string()) {
    return fail(Code::kCorrupt, "the payload is not as this version writes them");
  }
  return std::string(request->get_string());
}

struct Texts {
  std::string reasoning, content;
};

Result<Texts> run(std::unique_ptr<TextStream> stream) {
  Texts out;
  for (;;) {
    TextEvent event = stream->next();
    if (event.error) return fail(*event.error);
    out.reasoning += event.reasoning;
    out.content += recorded_content(event);
    if (event.end) return out;
  }
}

Error plain(const ApiError& error) {
  return {Code::kInvalidArgument, error.message, error.param, {}};
}

// The answers to all choices, each under its recorded seed.
Result<std::vector<Texts>> answer(ServedModel& model, const Recorded& recorded,
                                  const std::string& body) {
  std::vector<Texts> out;
  const auto seed_of = [&](size_t i) { return recorded.choices[i].seed; };
  if (recorded.route == "/v1/chat/completions") {
    auto request = parse_chat_request(body);
    if (!request) return fail(plain(request.error()));
    if (auto ok = fit_to_model(model, *request); !ok) return fail(plain(ok.error()));
    ChatRequest chat = chat_of(*request);
    if (recorded.thinking_budget) chat.reasoning.budget = *recorded.thinking_budget;
    for (size_t i = 0; i < recorded.choices.size(); ++i) {
      chat.options = request->options;
      chat.options.seed = seed_of(i);
      ASSIGN_OR_RETURN(auto stream, model.chat(chat));
      ASSIGN_OR_RETURN(Texts texts, run(std::move(stream)));
      out.push_back(std::move(texts));
    }
    return out;
  }
  if (recorded.route != "/v1/completions") {
    return not_replayable(fmt::format("answers of {} cannot be replayed", recorded.route));
  }
  auto request = parse_completion_request(body);
  if (!request) return fail(plain(request.error()));
  if (auto ok = fit_to_model(model, *request); !ok) return fail(plain(ok.error()));
  const auto n = static_cast<size_t>(request->candidates());
  if (request->prompts.size() * n != recorded.choices.size()) {
    return not_replayable("the request is not the recorded one: it has other choices");
  }
  for (size_t i = 0; i < recorded.choices.size(); ++i) {
    CompletionRequest completion;
    completion.echo = request->echo;
    const auto& prompt = request->prompts[i / n];
    if (const auto* text = std::get_if<std::string>(&prompt)) {
      completion.prompt = *text;
    } else {
      completion.prompt_tokens = std::get<std::vector<int32_t>>(prompt);
    }
    completion.options = request->options;
    completion.options.seed = seed_of(i);
    ASSIGN_OR_RETURN(auto stream, model.complete(completion));
    ASSIGN_OR_RETURN(Texts texts, run(std::move(stream)));
    out.push_back(std::move(texts));
  }
  return out;
}

Result<std::unique_ptr<ServedModel>> load(const ReplayOptions& options, const Recorded& recorded) {
  const std::string name = options.model.empty() ? recorded.model : options.model;
  auto path = resolve_model(name);
  if (!path && options.model.empty()) path = demo_model_path();  // checked by its digest below
  if (!path) {
    return fail(Code::kNotFound, fmt::format("model '{}' is not here", name), {},
                "name its file with --model");
  }
  ASSIGN_OR_RETURN(const std::string digest, model_digest(*path));
  if (digest != recorded.sha256) {
    return fail(
        Code::kInvalidArgument,
        fmt::format("this is not the model that answered: its SHA-256 is {}, recorded is {}",
                    digest, recorded.sha256),
        *path, "name the recorded model's file with --model");
  }
  ServedModelOptions served;
  served.id = recorded.model;
  served.engine.context = static_cast<int32_t>(recorded.context);
  const auto kv_type = find_kv_type(recorded.kv_type);
  if (!kv_type) {
    return fail(Code::kInvalidArgument,
                fmt::format("this version has no KV cache of type '{}', which the answer was "
                            "computed with",
                            recorded.kv_type),
                *path, "replay with the version that answered");
  }
  served.engine.kv_type = *kv_type;
  return load_served_model(*path, options.open, options.threads, served);
}

// True: the same bytes.
Result<bool> replay(const ReplayOptions& options) {
  ASSIGN_OR_RETURN(const audit::KeptRecord record,
                   audit::find_receipt(options.folders(), options.receipt));
  ASSIGN_OR_RETURN(Recorded recorded, parse_record(record.body));
  std::optional<audit::PayloadKeys> keys;
  if (auto opened = audit::PayloadKeys::open(options.place().payload_key());
      opened && opened->id() == recorded.key) {
    keys = std::move(*opened);
  }
  ASSIGN_OR_RETURN(const std::string request, request_of(options, recorded, keys));
  if (!keys) {
    return fail(Code::kPermissionDenied,
                "the payload key of the server that answered is needed to compare digests",
                options.place().payload_key(), "name its folder with --audit-keys");
  }
  if (to_hex(keys->digest("request").update(request).finish()) != recorded.request_hmac) {
    return not_replayable("this is not the recorded request: its digest differs");
  }
  ASSIGN_OR_RETURN(auto model, load(options, recorded));
  ASSIGN_OR_RETURN(const auto answers, answer(*model, recorded, request));
  bool all = true;
  JsonWriter w(JsonWriter::kCompact);
  w.begin_object().field("receipt", options.receipt).field("record", record.number);
  w.key("choices").begin_array();
  for (size_t i = 0; i < answers.size(); ++i) {
    const bool same = to_hex(keys->digest("reasoning").update(answers[i].reasoning).finish()) ==
                          recorded.choices[i].reasoning_hmac &&
                      to_hex(keys->digest("content").update(answers[i].content).finish()) ==
                          recorded.choices[i].content_hmac;
    all = all && same;
    w.begin_object().field("same", same).field("reasoning", answers[i].reasoning);
    w.field("content", answers[i].content).end_object();
    if (!options.json) {
      fmt::print("choice {}: {}\n", i, same ? "the same, to the bit" : "DIFFERENT");
      if (!same) fmt::print("now: {}\n{}\n", answers[i].reasoning, answers[i].content);
    }
  }
  w.end_array().field("same", all).field("recorded_on", recorded.backend).end_object();
  if (options.json) fmt::print("{}\n", w.text());
  if (!all && !options.json) {
    fmt::print(stderr,
               "holdfast: recorded on '{}'; another instruction set adds in another order "
               "(HOLDFAST_ISA)\n",
               recorded.backend);
  }
  return all;
}

}  // namespace

void add_audit_replay(CLI::App& audit, Action& action) {
  auto options = std::make_shared<ReplayOptions>();
  CLI::App* command =
      audit.add_subcommand("replay", "Compute a recorded answer again and compare it to the bit");
  command->add_option("RECEIPT", options->receipt, "what the server sent as holdfast-receipt")
      ->required();
  add_place_options(*command, *options);
  command->add_option("--model", options->model,
                      "the model's file, where its name does not find it");
  command->add_option("--request", options->request_file,
                      "the request's body, when the log keeps only its digest");
  add_threads_option(*command, options->threads);
  add_open_options(*command, options->open);
  command->add_flag("--json", options->json, "one JSON document, with the answer");
  command->callback([options, &action] {
    action = [options] {
      const auto same = replay(*options);
      if (!same) return report(same.error());
      return *same ? 0 : 1;
    };
  });
}

}  // namespace holdfast::cli
