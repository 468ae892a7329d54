// <｜tool▁calls▁begin｜> and what follows it; both forms, see tool_calls.h
#include <utility>

#include "text/json_scanner.h"
#include "text/mark_finder.h"
#include "text/tool_machines.h"

namespace holdfast {

namespace {

const std::string kCallsBegin = "<｜tool▁calls▁begin｜>", kCallsEnd = "<｜tool▁calls▁end｜>";
const std::string kCallBegin = "<｜tool▁call▁begin｜>", kCallEnd = "<｜tool▁call▁end｜>";
const std::string kSeparator = "<｜tool▁sep｜>";
constexpr size_t kLongestName = 1024;  // what is longer is no name

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string trim(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

class DeepSeekMachine final : public ToolCallParser::Machine {
 public:
  void put(char c, ToolText& out) override {
    switch (place_) {
      case Place::kText:
        text(begin_.put(c, out.content));
        break;
      case Place::kBetween: {  // behind a call only calls are kept
        std::string dropped;
        between(between_.put(c, begun() > 0 ? dropped : out.content));
        break;
      }
      case Place::kHeader:
        header(c, out);
        break;
      case Place::kName:
        name(c, out);
        break;
      case Place::kFence:
        fence(c, out);
        break;
      case Place::kArguments:
        arguments(c, out);
        break;
      case Place::kBehind: {
        std::string dropped;
        if (close_.put(c, dropped) >= 0) place_ = Place::kBetween;
        break;
      }
    }
  }

  void finish(ToolText& out) override {
    switch (place_) {
      case Place::kHeader:
      case Place::kName:
        out.content += raw_;  // no name was told
        break;
      case Place::kFence:
      case Place::kArguments:
        end_call(out);
        break;
      default:
        break;
    }
    const std::string held = begin_.take();
    const bool space = held.find_first_not_of(" \t\r\n") == std::string::npos;
    if (!(space && begun() > 0)) out.content += held;
  }

 private:
  enum class Place { kText, kBetween, kHeader, kName, kFence, kArguments, kBehind };

  void text(int mark) {
    if (mark == 0) place_ = Place::kBetween;
    if (mark == 1) begin_header();
  }
  void between(int mark) {
    if (mark == 0) begin_header();
    if (mark == 1) place_ = Place::kText;
  }
  void begin_header() {
    place_ = Place::kHeader;
    raw_ = kCallBegin;
    header_.clear();
    separator_ = MarkFinder({kSeparator});
  }

  // "function", or the name itself.
  void header(char c, ToolText& out) {
    raw_ += c;
    const int mark = separator_.put(c, header_);
    if (header_.size() > kLongestName) return give_up(out);
    if (mark >= 0) {
      place_ = Place::kName;
      name_.clear();
    }
  }

  // A line with the name, or the arguments at once: then the header was the name.
  void name(char c, ToolText& out) {
    raw_ += c;
    if (c == '{' && trim(name_).empty()) {
      name_ = trim(header_);
      if (name_.empty()) return give_up(out);
      begin(out);
      place_ = Place::kArguments;
      return arguments(c, out);
    }
    if (c != '\n' || trim(name_).empty()) {
      name_ += c;
      if (name_.size() > kLongestName) give_up(out);
      return;
    }
    name_ = trim(name_);
    begin(out);
  }
  void begin(ToolText& out) {
    begin_call(name_, out);
    raw_.clear();
    fence_.clear();
    scanner_ = {};
    place_ = Place::kFence;
  }

  // ``` or ```json, or nothing of the kind.
  void fence(char c, ToolText& out) {
    constexpr std::string_view kFence = "```json";
    if (c == '{') {
      place_ = Place::kArguments;
      return arguments(c, out);
    }
    if (is_space(c)) return;
    fence_ += c;
    if (!kFence.starts_with(fence_)) stop(c, out);
  }

  void arguments(char c, ToolText& out) {
    const JsonScanner::Step step = scanner_.put(c);
    if (step == JsonScanner::Step::kBad) return stop(c, out);
    tell(std::string(1, c), out);
    if (step == JsonScanner::Step::kEnd) {
      end_call(out);
      place_ = Place::kBehind;
    }
  }

  // Something else than arguments: the call ends here, and `c` may begin the mark of its end.
  void stop(char c, ToolText& out) {
    end_call(out);
    place_ = Place::kBehind;
    put(c, out);
  }

  void give_up(ToolText& out) {
    out.content += std::exchange(raw_, {});
    place_ = Place::kText;
  }

  Place place_ = Place::kText;
  MarkFinder begin_{{kCallsBegin, kCallBegin}}, between_{{kCallBegin, kCallsEnd}};
  MarkFinder separator_{{kSeparator}}, close_{{kCallEnd}};
  std::string raw_;  // of a call without a name so far
  std::string header_, name_, fence_;
  JsonScanner scanner_;
};

}  // namespace

std::unique_ptr<ToolCallParser::Machine> make_deepseek_machine() {
  return std::make_unique<DeepSeekMachine>();
}

}  // namespace holdfast
