// From the bytes of tokens to the events of a text stream: whole characters, thinking apart from
// the answer, stop strings cut away, each logprob beside the text of its token.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/served_model.h"
#include "engine/stop_matcher.h"
#include "text/thinking_splitter.h"
#include "text/tool_calls.h"
#include "text/utf8_stream.h"

namespace holdfast {

struct AssemblerOptions {
  bool split_thinking = false;  // else all text is content
  bool starts_inside = false;   // the prompt ended in an open <think>
  std::vector<std::string> stop;
  ToolFormat tools = ToolFormat::kNone;  // kNone: calls of tools are content
  std::vector<std::string> tool_names;
  bool parallel_tool_calls = true;  // false: the first call ends the answer
};

// No engine, no tokenizer: tests push what they like.
class TextAssembler {
 public:
  explicit TextAssembler(const AssemblerOptions& options);

  // The bytes of the next token. An event, when there is something to tell.
  std::optional<TextEvent> push(std::string_view bytes, std::optional<TextLogprobs> logprobs);
  // No more tokens: what was held back.
  std::optional<TextEvent> finish();

  // By a stop string, or behind the one call there may be.
  bool stopped() const { return stop_.matched() || (single_call_ && tools_->complete() > 0); }
  bool calls_tools() const { return tools_ && tools_->begun() > 0; }
  const std::string& stop_string() const { return stop_.found(); }  // empty: none
  int32_t reasoning_tokens() const { return reasoning_tokens_; }

 private:
  struct Pending {
    TextLogprobs logprobs;
    uint64_t begin;  // of its text, in bytes of content before stop strings are cut
  };

  std::optional<TextEvent> event(SplitText text, bool last);

  Utf8Stream utf8_;
  std::optional<ThinkingSplitter> splitter_;
  std::optional<ToolCallParser> tools_;
  bool single_call_ = false;
  StopMatcher stop_;
  std::deque<Pending> pending_;  // of content
  std::vector<TextLogprobs> reasoning_pending_;
  uint64_t content_seen_ = 0, content_out_ = 0;  // bytes into and out of the stop matcher
  int32_t reasoning_tokens_ = 0;
};

}  // namespace holdfast
