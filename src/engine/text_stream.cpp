#include "engine/text_stream.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "base/check.h"

namespace holdfast {

TokenText::TokenText(std::unique_ptr<Tokenizer> tokenizer, const std::vector<std::string>& marks)
    : tokenizer_(std::move(tokenizer)),
      think_(tokenizer_->find("<think>")),
      end_think_(tokenizer_->find("</think>")) {
  for (const std::string& mark : marks) {
    if (const auto token = tokenizer_->find(mark)) marks_.push_back(*token);
  }
}

std::string TokenText::piece_with_marks(int32_t token) const {
  const bool mark = std::find(marks_.begin(), marks_.end(), token) != marks_.end();
  return mark ? tokenizer_->piece(token, Special::kParse) : piece(token);
}

std::string TokenText::piece(int32_t token) const {
  if (token < 0 || token >= tokenizer_->vocab_size()) return {};
  if (token == think_ || token == end_think_) return tokenizer_->piece(token, Special::kParse);
  return tokenizer_->piece(token);
}

std::shared_ptr<const TokenBytes> TokenText::all_pieces() const {
  std::call_once(made_, [this] {
    all_ = std::make_shared<TokenBytes>(tokenizer_->vocab_size(),
                                        [this](int32_t token) { return piece(token); });
  });
  return all_;
}

namespace {

class EngineTextStream final : public TextStream {
 public:
  explicit EngineTextStream(TextStreamStart start)
      : stream_(std::move(start.stream)),
        text_(std::move(start.text)),
        marks_(start.assembler.tools != ToolFormat::kNone),
        assembler_(start.assembler),
        seed_(start.seed),
        logprobs_(start.logprobs) {
    usage_.prompt_tokens = start.prompt_tokens;
    if (!start.echo.empty()) {
      TextEvent echo;
      echo.content = std::move(start.echo);
      ready_.push_back(std::move(echo));
    }
  }

  TextEvent next() override {
    CHECK(!ended_) << "next() after the end";
    while (ready_.empty()) take(stream_->next());
    return pop();
  }

  std::optional<TextEvent> try_next() override {
    while (ready_.empty() && stream_) {
      auto event = stream_->try_next();
      if (!event) return std::nullopt;
      take(std::move(*event));
    }
    if (ready_.empty()) return std::nullopt;
    return pop();
  }

  void on_ready(std::function<void()> callback) override {
    if (!ready_.empty()) callback();
    if (stream_) stream_->on_ready(std::move(callback));
  }

  Usage usage() const override { return usage_; }
  uint64_t seed() const override { return seed_; }

 private:
  TextEvent pop() {
    TextEvent event = std::move(ready_.front());
    ready_.pop_front();
    ended_ = event.end;
    return event;
  }

  void take(GenerationEvent event) {
    if (!event.end) {
      ++usage_.completion_tokens;
      const int32_t token = event.token;
      tell(assembler_.push(marks_ ? text_->piece_with_marks(token) : text_->piece(token),
                           logprobs_of(event)));
      usage_.reasoning_tokens = assembler_.reasoning_tokens();
      if (assembler_.stopped()) end(FinishReason::kStop);
      return;
    }
    const int32_t reasoning = usage_.reasoning_tokens;
    usage_ = event.usage;
    usage_.reasoning_tokens = reasoning;
    thinking_end_ = event.thinking_end;
    tell(assembler_.finish());
    end(assembler_.stopped() ? FinishReason::kStop : event.finish, std::move(event.error));
  }

  void tell(std::optional<TextEvent> event) {
    if (event) ready_.push_back(std::move(*event));
  }

  void end(FinishReason reason, std::optional<Error> error = {}) {
    stream_.reset();  // after a stop string the engine need not go on
    if (reason == FinishReason::kStop && assembler_.calls_tools())
      reason = FinishReason::kToolCalls;
    TextEvent event;
    event.end = true;
    event.finish = reason;
    event.thinking_end = thinking_end_;
    event.usage = usage_;
    event.stop_string = assembler_.stop_string();
    event.error = std::move(error);
    ready_.push_back(std::move(event));
  }

  std::optional<TextLogprobs> logprobs_of(const GenerationEvent& event) const {
    if (!logprobs_) return std::nullopt;
    const auto named = [&](const TokenLogprob& t) {
      return TextLogprob{text_->piece(t.token), t.logprob};
    };
    TextLogprobs result{named(event.logprob), {}};
    for (const TokenLogprob& t : event.alternatives) result.top.push_back(named(t));
    return result;
  }

  std::unique_ptr<Stream> stream_;  // none once the end is known
  std::shared_ptr<const TokenText> text_;
  const bool marks_;  // of tool calls are text
  TextAssembler assembler_;
  std::deque<TextEvent> ready_;
  Usage usage_;
  ThinkingEnd thinking_end_ = ThinkingEnd::kOwn;
  const uint64_t seed_;
  const bool logprobs_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<TextStream> make_text_stream(TextStreamStart start) {
  return std::make_unique<EngineTextStream>(std::move(start));
}

}  // namespace holdfast
