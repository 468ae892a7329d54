#include "engine/text_assembler.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace holdfast {

TextAssembler::TextAssembler(const AssemblerOptions& options) : stop_(options.stop) {
  if (options.split_thinking) splitter_.emplace(options.starts_inside);
  if (options.tools != ToolFormat::kNone) {
    tools_.emplace(options.tools, options.tool_names);
    single_call_ = !options.parallel_tool_calls;
  }
}

std::optional<TextEvent> TextAssembler::push(std::string_view bytes,
                                             std::optional<TextLogprobs> logprobs) {
  const bool inside_before = splitter_ && splitter_->inside();
  const std::string text = utf8_.push(bytes);
  const uint64_t begin = content_seen_;
  SplitText split = splitter_ ? splitter_->push(text) : SplitText{"", text};
  // A tag belongs to the thinking.
  const bool reasoning = inside_before || (splitter_ && splitter_->inside());
  if (reasoning) ++reasoning_tokens_;
  if (logprobs) {
    if (reasoning)
      reasoning_pending_.push_back(std::move(*logprobs));
    else
      pending_.push_back({std::move(*logprobs), begin});
  }
  return event(std::move(split), false);
}

std::optional<TextEvent> TextAssembler::finish() {
  const std::string text = utf8_.finish();
  SplitText split{"", text};
  if (splitter_) {
    split = splitter_->push(text);
    SplitText rest = splitter_->finish();
    split.reasoning += rest.reasoning;
    split.content += rest.content;
  }
  return event(std::move(split), true);
}

std::optional<TextEvent> TextAssembler::event(SplitText text, bool last) {
  TextEvent event;
  event.reasoning = std::move(text.reasoning);
  if (tools_) {
    ToolText found = tools_->push(text.content);
    if (last) {
      ToolText rest = tools_->finish();
      found.content += rest.content;
      std::move(rest.calls.begin(), rest.calls.end(), std::back_inserter(found.calls));
    }
    if (single_call_)
      std::erase_if(found.calls, [](const ToolCallDelta& delta) { return delta.index > 0; });
    text.content = std::move(found.content);
    event.tool_calls = std::move(found.calls);
  }
  content_seen_ += text.content.size();
  event.content = stop_.push(text.content);
  if (last && !stop_.matched()) event.content += stop_.finish();
  content_out_ += event.content.size();

  event.reasoning_logprobs = std::exchange(reasoning_pending_, {});
  // A token that begins in what is out is out; one that begins in a stop string never will be.
  while (!pending_.empty() &&
         (pending_.front().begin < content_out_ || (last && !stop_.matched()))) {
    event.logprobs.push_back(std::move(pending_.front().logprobs));
    pending_.pop_front();
  }
  if (event.reasoning.empty() && event.content.empty() && event.tool_calls.empty() &&
      event.logprobs.empty() && event.reasoning_logprobs.empty())
    return std::nullopt;
  return event;
}

}  // namespace holdfast
