#include "server/batch_runner.h"

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "files/json_writer.h"
#include "server/gate.h"
#include "server/openai_format.h"
#include "server/router.h"

namespace holdfast {

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kLook = std::chrono::seconds(1);  // at batches that were cancelled meanwhile

// A refusal that may end by itself.
bool is_temporary(int status) { return status == 429 || status == 503; }

std::chrono::seconds wait_of(const HttpResponse& response) {
  int seconds = 1;
  for (const auto& [name, value] : response.fields) {
    if (name == "retry-after") {
      std::from_chars(value.data(), value.data() + value.size(), seconds);
    }
  }
  return std::chrono::seconds(std::clamp(seconds, 1, 60));
}

std::string result_line(const BatchLine& line, const HttpResponse& response,
                        const std::string& request_id) {
  JsonWriter w(JsonWriter::kCompact);
  w.begin_object().field("id", random_id("batch_req_")).field("custom_id", line.custom_id);
  w.key("response").begin_object().field("status_code", response.status);
  w.field("request_id", request_id).key("body").raw(response.body).end_object();
  w.null_field("error").end_object();
  return w.take();
}

}  // namespace

struct BatchRunner::Job {
  BatchJob batch;
  Caller caller;
  RouteMatch match;
  std::vector<BatchLine> lines;
  std::set<int64_t> open;  // lines that no one has started
  size_t running = 0;
};

struct BatchRunner::Running {
  Job* job;
  int64_t number;
  HttpRequest request;
  std::unique_ptr<Answer> answer;
  Admission admission;
  bool over = false;
};

void BatchRunner::Signal::fire(bool batch) {
  const std::lock_guard lock(mutex);
  woken = true;
  new_batch = new_batch || batch;
  changed.notify_all();
}

BatchRunner::BatchRunner(App& app, AccessControl* access, int lines_at_once)
    : app_(app), access_(access), lines_at_once_(static_cast<size_t>(lines_at_once)) {
  thread_ = std::thread([this] { run(); });
}

void BatchRunner::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(signal_->mutex);
    signal_->ending = true;
    signal_->changed.notify_all();
  }
  thread_.join();
}

BatchRunner::~BatchRunner() { stop(); }

void BatchRunner::wake() { signal_->fire(true); }

void BatchRunner::run() {
  for (;;) {
    bool look = false;
    {
      std::unique_lock lock(signal_->mutex);
      const auto until =
          running_.empty() && jobs_.empty() ? Clock::time_point::max() : Clock::now() + kLook;
      const auto ready = [&] { return signal_->woken || signal_->new_batch || signal_->ending; };
      if (until == Clock::time_point::max()) {
        signal_->changed.wait(lock, ready);
      } else {
        signal_->changed.wait_until(lock, until, ready);
      }
      if (signal_->ending) break;
      look = signal_->new_batch || Clock::now() >= refreshed_ + kLook;
      signal_->woken = signal_->new_batch = false;
    }
    if (look) refresh();
    bool moved = true;
    while (moved) {
      moved = advance_all();
      if (start_some()) moved = true;
    }
    finish_done();
  }
  running_.clear();
}

// On whose behalf a batch runs, by today's policy; nobody any more: its key was revoked.
std::optional<Caller> BatchRunner::caller_of(const BatchJob& batch) {
  if (access_ == nullptr) return Caller::local();
  return access_->recall(batch.user, batch.tenant, batch.roles, batch.scopes, batch.credential);
}

// New batches come in, and those that were cancelled go.
void BatchRunner::refresh() {
  refreshed_ = Clock::now();
  auto active = app_.jobs->active();
  if (!active) return spdlog::error("batches: {}", to_string(active.error()));
  std::set<std::string> ids;
  for (BatchJob& batch : *active) {
    ids.insert(batch.id);
    auto caller = caller_of(batch);
    if (caller) caller->grants.priority = Priority::kLow;  // whoever waits for an answer goes first
    if (!caller) {
      (void)app_.jobs->finish(batch, BatchState::kFailed, "the key that made it is no longer good");
      ids.erase(batch.id);
      continue;
    }
    if (const auto known = jobs_.find(batch.id); known != jobs_.end()) {
      known->second->caller = std::move(*caller);
      continue;
    }
    auto job = std::make_unique<Job>();
    job->caller = std::move(*caller);
    HttpRequest head;
    head.method = "POST";
    head.path = batch.endpoint;
    job->match = match_route(head);
    auto text = app_.jobs->content(batch.scope, batch.input_file);
    if (!text) {
      (void)app_.jobs->finish(batch, BatchState::kFailed, to_string(text.error()));
      continue;
    }
    auto lines = parse_batch_input(*text, batch.endpoint);
    const auto done = app_.jobs->finished_lines(batch.id);
    if (!lines || !done || job->match.route == nullptr) {
      (void)app_.jobs->finish(batch, BatchState::kFailed,
                              lines ? "it cannot be read" : lines.error().message);
      continue;
    }
    job->lines = std::move(*lines);
    for (int64_t i = 0; i < static_cast<int64_t>(job->lines.size()); ++i) job->open.insert(i);
    for (const int64_t number : *done) job->open.erase(number);
    job->batch = std::move(batch);
    jobs_.emplace(job->batch.id, std::move(job));
  }
  std::erase_if(running_, [&](const auto& line) { return !ids.contains(line->job->batch.id); });
  std::erase_if(jobs_, [&](const auto& job) { return !ids.contains(job.first); });
}

// One line of each batch in turn, so that a long one holds nobody up.
bool BatchRunner::start_some() {
  bool any = false, more = true;
  while (more) {
    more = false;
    for (auto& [id, job] : jobs_) {
      if (job->open.empty() || running_.size() >= lines_at_once_ || Clock::now() < resume_)
        continue;
      const int64_t number = *job->open.begin();
      job->open.erase(job->open.begin());
      start_line(*job, number);
      any = more = true;
    }
  }
  return any;
}

void BatchRunner::start_line(Job& job, int64_t number) {
  auto line = std::make_unique<Running>();
  line->job = &job;
  line->number = number;
  ++job.running;
  line->request.method = "POST";
  line->request.path = job.batch.endpoint;
  line->request.id = random_id("req_");
  line->request.body = job.lines[static_cast<size_t>(number)].body;
  line->request.arrival = Clock::now();
  if (!job.caller.may(job.match.route->permission)) {
    const ApiError refused{
        403, "Whoever made this batch may no longer use models", "permission_denied", {}, {}};
    return end_line(*line, refused.response());
  }
  if (access_ != nullptr) {
    auto admitted = access_->admit(job.caller);
    if (auto* refusal = std::get_if<QuotaRefusal>(&admitted)) {
      return end_line(*line, quota_error(*refusal).response());
    }
    line->admission = std::move(std::get<Admission>(admitted));
  }
  Reply reply;
  try {
    reply = job.match.route->handle({app_, line->request, job.match.rest, job.caller});
  } catch (const std::exception& failure) {
    spdlog::error("batch {}: {}", job.batch.id, failure.what());
    reply = to_api_error({Code::kInternal, "The server failed on this request"}).response();
  }
  if (auto* response = std::get_if<HttpResponse>(&reply)) {
    return end_line(*line, std::move(*response));
  }
  line->answer = std::move(std::get<std::unique_ptr<Answer>>(reply));
  if (line->answer->streams()) {
    const ApiError refused{
        400, "'stream' has no meaning in a batch", "invalid_value", "stream", {}};
    return end_line(*line, refused.response());
  }
  line->answer->on_ready([signal = signal_] { signal->fire(); });
  running_.push_back(std::move(line));
}

void BatchRunner::end_line(Running& line, HttpResponse response) {
  line.over = true;
  Job& job = *line.job;
  --job.running;
  if (is_temporary(response.status)) {
    job.open.insert(line.number);
    resume_ = Clock::now() + wait_of(response);
    return;
  }
  const std::string text =
      result_line(job.lines[static_cast<size_t>(line.number)], response, line.request.id);
  const bool succeeded = response.status < 400;
  if (const Status kept = app_.jobs->add_result(job.batch.id, line.number, succeeded, text);
      !kept) {
    spdlog::error("batch {}: {}", job.batch.id, to_string(kept.error()));
    job.open.insert(line.number);  // a full disk, most likely: later
    resume_ = Clock::now() + std::chrono::seconds(10);
  }
}

bool BatchRunner::advance_all() {
  std::string unused;
  for (auto& line : running_) {
    const auto progress = line->answer->advance(unused);
    const Usage usage = line->answer->usage();
    line->admission.charge(int64_t{usage.prompt_tokens} + usage.completion_tokens,
                           usage.reasoning_tokens);
    if (progress == Answer::Progress::kDone) end_line(*line, line->answer->response());
  }
  return std::erase_if(running_, [](const auto& line) { return line->over; }) > 0;
}

void BatchRunner::finish_done() {
  for (auto it = jobs_.begin(); it != jobs_.end();) {
    Job& job = *it->second;
    if (!job.open.empty() || job.running > 0) {
      ++it;
      continue;
    }
    const Status done = app_.jobs->finish(job.batch, BatchState::kCompleted, {});
    if (!done) {
      spdlog::error("batch {}: {}", job.batch.id, to_string(done.error()));
      ++it;
      continue;
    }
    it = jobs_.erase(it);
  }
}

}  // namespace holdfast
