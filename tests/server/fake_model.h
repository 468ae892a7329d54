// A ServedModel without a model: tests say what it streams, and when.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "engine/served_model.h"

namespace holdfast {

// What one generation will give. Shared by the stream (the server's side) and the test.
class Script {
 public:
  void push(TextEvent event) {
    std::function<void()> wake;
    {
      const std::lock_guard lock(mutex_);
      events_.push_back(std::move(event));
      wake = wake_;
    }
    if (wake) wake();
  }
  void text(std::string content, std::string reasoning = {}) {
    TextEvent event;
    event.content = std::move(content);
    event.reasoning = std::move(reasoning);
    push(std::move(event));
  }
  void end(FinishReason finish = FinishReason::kStop, std::optional<Error> error = {}) {
    TextEvent event;
    event.end = true;
    event.finish = finish;
    event.error = std::move(error);
    event.usage = usage;
    push(std::move(event));
  }

  std::optional<TextEvent> take() {
    const std::lock_guard lock(mutex_);
    if (events_.empty()) return std::nullopt;
    TextEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
  }
  void on_ready(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
    if (!events_.empty()) wake_();
  }
  void drop() {
    const std::lock_guard lock(mutex_);
    wake_ = nullptr;
    dropped = true;
  }

  Usage usage{.prompt_tokens = 5, .completion_tokens = 3};
  std::atomic<bool> dropped{false};

 private:
  std::mutex mutex_;
  std::deque<TextEvent> events_;
  std::function<void()> wake_;
};

class FakeStream final : public TextStream {
 public:
  FakeStream(std::shared_ptr<Script> script, uint64_t seed)
      : script_(std::move(script)), seed_(seed) {}
  ~FakeStream() override { script_->drop(); }
  TextEvent next() override { return *script_->take(); }
  std::optional<TextEvent> try_next() override { return script_->take(); }
  void on_ready(std::function<void()> wake) override { script_->on_ready(std::move(wake)); }
  Usage usage() const override { return script_->usage; }
  uint64_t seed() const override { return seed_; }

 private:
  std::shared_ptr<Script> script_;
  uint64_t seed_;
};

class FakeTokenizer final : public Tokenizer {
 public:
  std::vector<int32_t> encode(std::string_view, Special, bool) const override { return {}; }
  std::string piece(int32_t, Special) const override { return {}; }
  int32_t vocab_size() const override { return 1000; }
  std::optional<int32_t> bos() const override { return {}; }
  std::optional<int32_t> eos() const override { return {}; }
  bool adds_bos() const override { return false; }
  bool is_end_of_generation(int32_t) const override { return false; }
  bool is_text(int32_t) const override { return true; }
  std::optional<int32_t> find(std::string_view) const override { return {}; }
};

class FakeModel final : public ServedModel {
 public:
  explicit FakeModel(std::string id = "fake") : id_(std::move(id)) {}

  const std::string& id() const override { return id_; }
  int64_t created() const override { return 1700000000; }
  const ModelConfig& config() const override { return config_; }
  const Tokenizer& tokenizer() const override { return tokenizer_; }
  int32_t context() const override { return 100; }
  EngineStats stats() const override {
    return {.pages_total = 8, .pages_free = 8, .wait_seconds = 6.2};
  }

  Result<std::shared_ptr<grammar::Constraint>> constraint(
      const grammar::ConstraintSpec& spec) override {
    grammar::TokenTableInput input;
    for (int c = 0; c < 128; ++c) input.bytes.emplace_back(1, static_cast<char>(c));
    ASSIGN_OR_RETURN(auto program, grammar::compile(spec));
    return grammar::Constraint::create(std::move(program),
                                       std::make_shared<grammar::TokenTable>(std::move(input)));
  }
  Result<std::unique_ptr<TextStream>> chat(const ChatRequest& request) override {
    const std::lock_guard lock(mutex_);
    chats.push_back(request);
    ++started;
    return start(request.options);
  }
  Result<std::unique_ptr<TextStream>> complete(const CompletionRequest& request) override {
    const std::lock_guard lock(mutex_);
    completions.push_back(request);
    ++started;
    return start(request.options);
  }
  Result<std::string> render_prompt(const ChatRequest&) const override { return std::string(); }
  Result<std::vector<int32_t>> prompt_tokens(const ChatRequest&) const override {
    return std::vector<int32_t>{1, 2, 3};
  }

  // The script of the next generation that is started. Without any: "Hello" in two pieces.
  std::shared_ptr<Script> plan() {
    const std::lock_guard lock(mutex_);
    planned_.push_back(std::make_shared<Script>());
    return planned_.back();
  }

  std::optional<Error> refuse;  // set before the server starts
  std::atomic<size_t> started{0};
  std::vector<ChatRequest> chats;  // read when nothing runs
  std::vector<CompletionRequest> completions;

 private:
  Result<std::unique_ptr<TextStream>> start(const TextOptions& options) {
    if (refuse) return fail(*refuse);
    if (options.max_tokens == 77) throw std::bad_alloc();  // a failure nobody foresaw
    std::shared_ptr<Script> script;
    if (planned_.empty()) {
      script = std::make_shared<Script>();
      script->text("Hel");
      script->text("lo");
      script->end();
    } else {
      script = planned_.front();
      planned_.pop_front();
    }
    return std::make_unique<FakeStream>(std::move(script), options.seed.value_or(1));
  }

  std::string id_;
  ModelConfig config_;
  FakeTokenizer tokenizer_;
  std::mutex mutex_;
  std::deque<std::shared_ptr<Script>> planned_;
};

}  // namespace holdfast
