#include "grammar/program.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "grammar/utf8_ranges.h"

namespace holdfast::grammar {

namespace {

constexpr NodeId kDead = -1;

Error too_large() {
  return {Code::kResourceExhausted,
          fmt::format("the grammar compiles to more than {} nodes", Limits::kNodes), "",
          "use fewer alternatives and smaller repetition counts"};
}

// Of every expression: whether it matches any text, and the empty one. Rules depend on each other,
// so both grow until nothing changes.
struct Facts {
  std::vector<bool> productive, nullable;  // by rule
};

class FactFinder {
 public:
  explicit FactFinder(const Grammar& grammar) : grammar_(grammar) {
    const auto rules = static_cast<size_t>(grammar.rules());
    facts_.productive.assign(rules, false);
    facts_.nullable.assign(rules, false);
    // A rule is looked at again when one that it names has changed.
    std::vector<std::vector<RuleId>> users(rules);
    for (RuleId rule = 0; rule < grammar.rules(); ++rule)
      note_users(grammar.body(rule), rule, users);
    std::deque<RuleId> todo;
    std::vector<bool> queued(rules, true);
    for (RuleId rule = grammar.rules(); rule > 0; --rule) todo.push_back(rule - 1);
    while (!todo.empty() && steps_ < kMostSteps) {
      const RuleId rule = todo.front();
      todo.pop_front();
      const auto r = static_cast<size_t>(rule);
      queued[r] = false;
      const bool productive = is_productive(grammar.body(rule));
      const bool nullable = is_nullable(grammar.body(rule));
      if (productive == facts_.productive[r] && nullable == facts_.nullable[r]) continue;
      facts_.productive[r] = productive;
      facts_.nullable[r] = nullable;
      for (const RuleId user : users[r]) {
        if (!queued[static_cast<size_t>(user)]) todo.push_back(user);
        queued[static_cast<size_t>(user)] = true;
      }
    }
  }

  // Each rule waits for so many others that finding out took too long.
  bool gave_up() const { return steps_ >= kMostSteps; }

  bool is_productive(ExprId id) const {
    const Expr& e = grammar_.expr(id);
    ++steps_;
    switch (e.kind) {
      case ExprKind::kNothing:
        return false;
      case ExprKind::kSequence:
        return std::ranges::all_of(grammar_.children(e),
                                   [&](ExprId c) { return is_productive(c); });
      case ExprKind::kChoice:
        return std::ranges::any_of(grammar_.children(e),
                                   [&](ExprId c) { return is_productive(c); });
      case ExprKind::kRepeat:
        return e.b == 0 || is_productive(e.a);
      case ExprKind::kRule:
        return facts_.productive[static_cast<size_t>(e.a)];
      default:
        return true;
    }
  }

  bool is_nullable(ExprId id) const {
    const Expr& e = grammar_.expr(id);
    ++steps_;
    switch (e.kind) {
      case ExprKind::kEmpty:
      case ExprKind::kBegin:
      case ExprKind::kEnd:
        return true;
      case ExprKind::kSequence:
        return std::ranges::all_of(grammar_.children(e), [&](ExprId c) { return is_nullable(c); });
      case ExprKind::kChoice:
        return std::ranges::any_of(grammar_.children(e), [&](ExprId c) { return is_nullable(c); });
      case ExprKind::kRepeat:
        return e.b == 0 || is_nullable(e.a);
      case ExprKind::kRule:
        return facts_.nullable[static_cast<size_t>(e.a)];
      default:
        return false;
    }
  }

  const Facts& facts() const { return facts_; }

 private:
  void note_users(ExprId id, RuleId user, std::vector<std::vector<RuleId>>& users) const {
    const Expr& e = grammar_.expr(id);
    if (e.kind == ExprKind::kRule) users[static_cast<size_t>(e.a)].push_back(user);
    if (e.kind == ExprKind::kRepeat) note_users(e.a, user, users);
    if (e.kind == ExprKind::kSequence || e.kind == ExprKind::kChoice) {
      for (const ExprId child : grammar_.children(e)) note_users(child, user, users);
    }
  }

  static constexpr int64_t kMostSteps = 10'000'000;
  const Grammar& grammar_;
  Facts facts_;
  mutable int64_t steps_ = 0;
};

}  // namespace

const CharSet& plain_characters() {
  static const CharSet set({{0x20, 0x21}, {0x23, 0x5B}, {0x5D, kLastCodePoint}});
  return set;
}

// Writes nodes from the end of a text to its beginning, so that every node knows what follows it.
// What cannot lead to an end (kDead) swallows what would lead to it.
class ProgramWriter {
 public:
  explicit ProgramWriter(const Grammar& grammar) : grammar_(grammar), facts_(grammar) {}

  Result<Program> write() {
    RETURN_IF_ERROR(grammar_.status());
    add({NodeKind::kFinal});
    program_.rules_.resize(static_cast<size_t>(grammar_.rules()));
    plain_.assign(static_cast<size_t>(grammar_.sets()), false);
    for (int32_t i = 0; i < grammar_.sets(); ++i) {
      plain_[static_cast<size_t>(i)] = grammar_.set(i).contains(plain_characters());
    }
    if (facts_.gave_up())
      return fail(Code::kResourceExhausted, "the grammar's rules depend on each other too much", "",
                  "use fewer rules");
    if (!facts_.is_productive(grammar_.root))
      return fail(Code::kInvalidArgument, "nothing can satisfy this", "",
                  "look for contradictions in it");
    program_.start_ = emit(grammar_.root, Program::kFinal, 0);
    // Only the rules that somebody calls.
    while (!wanted_.empty() && !full_) {
      const RuleId rule = wanted_.back();
      wanted_.pop_back();
      current_ = rule;
      Program::Rule& out = program_.rules_[static_cast<size_t>(rule)];
      out.nullable = facts_.facts().nullable[static_cast<size_t>(rule)];
      const NodeId start = emit(grammar_.body(rule), Program::kFinal, 0);
      program_.rules_[static_cast<size_t>(rule)].start = start;
    }
    if (full_) return fail(too_large());
    find_tails();
    RETURN_IF_ERROR(rank_rules());
    return std::move(program_);
  }

 private:
  NodeId add(Node node) {
    if (program_.nodes_.size() >= Limits::kNodes) {
      full_ = true;
      return kDead;
    }
    program_.nodes_.push_back(node);
    return static_cast<NodeId>(program_.nodes_.size()) - 1;
  }

  NodeId split(NodeId a, NodeId b) {
    if (a == kDead || a == b) return b;
    if (b == kDead) return a;
    return add({NodeKind::kSplit, 0, 0, a, b});
  }

  // `plain_run`: so many plain characters can be read from here, if the expression reads one.
  NodeId emit(ExprId id, NodeId next, int32_t plain_run) {
    if (next == kDead || full_) return kDead;
    const Expr& e = grammar_.expr(id);
    switch (e.kind) {
      case ExprKind::kNothing:
        return kDead;
      case ExprKind::kEmpty:
      case ExprKind::kBegin:
      case ExprKind::kEnd:
        return next;
      case ExprKind::kLiteral: {
        const std::string_view text = grammar_.bytes(e);
        for (size_t i = text.size(); i > 0; --i) {
          const auto byte = static_cast<uint8_t>(text[i - 1]);
          next = add({NodeKind::kByte, byte, byte, next, 0});
        }
        return next;
      }
      case ExprKind::kChars:
        return emit_chars(e.a, next, plain_run);
      case ExprKind::kSequence: {
        const auto children = grammar_.children(e);
        for (size_t i = children.size(); i > 0; --i) {
          // A rule that reads a character and then calls itself: a loop by another name.
          const bool loop = i == 1 && children.size() == 2 && is_self(children[1]);
          next = emit(children[i - 1], next, loop ? Program::kEndless : 0);
        }
        return next;
      }
      case ExprKind::kChoice: {
        NodeId all = kDead;
        const auto children = grammar_.children(e);
        for (size_t i = children.size(); i > 0; --i)
          all = split(emit(children[i - 1], next, plain_run), all);
        return all;
      }
      case ExprKind::kRepeat:
        return emit_repeat(e, next);
      case ExprKind::kRule:
        return emit_call(e.a, next);
    }
    return kDead;
  }

  bool is_self(ExprId id) const {
    const Expr& e = grammar_.expr(id);
    return e.kind == ExprKind::kRule && e.a == current_;
  }

  NodeId emit_call(RuleId rule, NodeId next) {
    if (!facts_.facts().productive[static_cast<size_t>(rule)]) return kDead;
    if (called_.size() <= static_cast<size_t>(rule)) called_.resize(static_cast<size_t>(rule) + 1);
    if (!called_[static_cast<size_t>(rule)]) {
      called_[static_cast<size_t>(rule)] = true;
      wanted_.push_back(rule);
    }
    return add({NodeKind::kCall, 0, 0, next, rule});
  }

  NodeId emit_repeat(const Expr& e, NodeId next) {
    NodeId start = next;
    if (e.max == kNoLimit) {
      const NodeId loop = add({NodeKind::kSplit, 0, 0, 0, next});
      if (loop == kDead) return kDead;
      const NodeId body = emit(e.a, loop, Program::kEndless);
      if (body == kDead) return e.b == 0 ? next : kDead;
      program_.nodes_[static_cast<size_t>(loop)].next = body;
      start = loop;
    } else {
      for (int32_t i = e.max - e.b; i > 0 && !full_; --i)
        start = split(emit(e.a, start, e.max - e.b - i + 1), next);
    }
    for (int32_t i = e.b; i > 0 && !full_; --i) {
      const int32_t run = e.max == kNoLimit ? Program::kEndless : e.max - i + 1;
      start = emit(e.a, start, run);
    }
    return full_ ? kDead : start;
  }

  // ASCII as one node; the rest is a rule of its own, shared by all places that have this set.
  NodeId emit_chars(int32_t set, NodeId next, int32_t plain_run) {
    const Ascii& ascii = ascii_of(set);
    NodeId start = kDead;
    if (ascii.set >= 0) {
      start = add({NodeKind::kBytes, 0, 0, next, ascii.set});
      if (plain_run > 0 && plain_[static_cast<size_t>(set)] && start != kDead)
        program_.plain_runs_[start] = plain_run;
    }
    if (ascii.rest >= 0) start = split(start, add({NodeKind::kCall, 0, 0, next, ascii.rest}));
    return start;
  }

  struct Ascii {
    int32_t set = -1;   // of program_.byte_sets_
    int32_t rest = -1;  // a rule
  };

  const Ascii& ascii_of(int32_t set) {
    const auto [at, added] = ascii_.try_emplace(set);
    if (!added) return at->second;
    Ascii& out = at->second;
    ByteSet bytes;
    std::vector<ByteSequence> sequences;
    for (const CharRange& range : grammar_.set(set).ranges()) {
      for (const ByteSequence& s : utf8_sequences(range)) {
        if (s.size > 1)
          sequences.push_back(s);
        else
          for (int b = s.bytes[0].first; b <= s.bytes[0].last; ++b)
            bytes.set(static_cast<size_t>(b));
      }
    }
    if (bytes.any()) {
      out.set = static_cast<int32_t>(program_.byte_sets_.size());
      program_.byte_sets_.push_back(bytes);
    }
    if (!sequences.empty()) {
      NodeId start = kDead;
      // Equal ends are shared.
      std::map<std::array<int32_t, 3>, NodeId> known;
      for (size_t i = sequences.size(); i > 0; --i) {
        const ByteSequence& s = sequences[i - 1];
        NodeId node = Program::kFinal;
        for (int32_t k = s.size; k > 0; --k) {
          const ByteRange r = s.bytes[static_cast<size_t>(k) - 1];
          const auto [found, fresh] = known.try_emplace({r.first, r.last, node}, kDead);
          if (fresh) found->second = add({NodeKind::kByte, r.first, r.last, node, 0});
          node = found->second;
        }
        start = split(node, start);
      }
      out.rest = static_cast<int32_t>(program_.rules_.size());
      Program::Rule rule;
      rule.start = start;
      program_.rules_.push_back(rule);
    }
    return out;
  }

  void find_tails() {
    std::vector<bool>& tails = program_.tails_;
    tails.assign(program_.nodes_.size(), false);
    tails[Program::kFinal] = true;
    // A split has been written after what it leads to, but for loops, which are no tails.
    for (size_t i = 0; i < tails.size(); ++i) {
      const Node& n = program_.nodes_[i];
      if (n.kind == NodeKind::kSplit)
        tails[i] = tails[static_cast<size_t>(n.next)] && tails[static_cast<size_t>(n.other)];
    }
  }

  // The rules that a rule may call first.
  std::vector<int32_t> first_calls(NodeId start) {
    std::vector<int32_t> calls;
    std::vector<NodeId> todo{start};
    std::vector<NodeId> seen;
    while (!todo.empty()) {
      const NodeId id = todo.back();
      todo.pop_back();
      if (marks_[static_cast<size_t>(id)]) continue;
      marks_[static_cast<size_t>(id)] = true;
      seen.push_back(id);
      const Node& n = program_.nodes_[static_cast<size_t>(id)];
      if (n.kind == NodeKind::kSplit) {
        todo.push_back(n.next);
        todo.push_back(n.other);
      } else if (n.kind == NodeKind::kCall) {
        calls.push_back(n.other);
        if (program_.rules_[static_cast<size_t>(n.other)].nullable) todo.push_back(n.next);
      }
    }
    for (const NodeId id : seen) marks_[static_cast<size_t>(id)] = false;
    std::sort(calls.begin(), calls.end());
    calls.erase(std::unique(calls.begin(), calls.end()), calls.end());
    return calls;
  }

  // Depth-first, with a stack of our own: chains of rules may be long.
  Status rank_rules() {
    const size_t count = program_.rules_.size();
    marks_.assign(program_.nodes_.size(), false);
    enum class State : uint8_t { kNew, kOpen, kDone };
    std::vector<State> states(count, State::kNew);
    int32_t rank = static_cast<int32_t>(count);
    struct Frame {
      int32_t rule;
      std::vector<int32_t> calls;
      size_t at = 0;
    };
    for (size_t root = 0; root < count; ++root) {
      if (states[root] != State::kNew) continue;
      std::vector<Frame> stack;
      const auto open = [&](int32_t rule) {
        states[static_cast<size_t>(rule)] = State::kOpen;
        stack.push_back({rule, first_calls(program_.rules_[static_cast<size_t>(rule)].start)});
      };
      open(static_cast<int32_t>(root));
      while (!stack.empty()) {
        Frame& top = stack.back();
        if (top.at == top.calls.size()) {
          states[static_cast<size_t>(top.rule)] = State::kDone;
          program_.rules_[static_cast<size_t>(top.rule)].rank = --rank;
          stack.pop_back();
          continue;
        }
        const int32_t callee = top.calls[top.at++];
        if (states[static_cast<size_t>(callee)] == State::kOpen)
          return fail(Code::kInvalidArgument,
                      fmt::format("rule '{}' is left-recursive: it may call itself before it has "
                                  "read anything",
                                  callee < grammar_.rules() ? grammar_.name(callee) : "?"),
                      "", "write lists as item, then more items: list ::= item list?");
        if (states[static_cast<size_t>(callee)] == State::kNew) open(callee);
      }
    }
    return {};
  }

  const Grammar& grammar_;
  const FactFinder facts_;
  Program program_;
  RuleId current_ = -1;  // whose body is written
  std::vector<RuleId> wanted_;
  std::vector<bool> called_;
  std::vector<bool> plain_;  // by set: holds all plain characters
  std::map<int32_t, Ascii> ascii_;
  std::vector<bool> marks_;
  bool full_ = false;
};

Result<Program> Program::compile(const Grammar& grammar) { return ProgramWriter(grammar).write(); }

int64_t Program::memory_bytes() const {
  return static_cast<int64_t>(
      nodes_.capacity() * sizeof(Node) + byte_sets_.capacity() * sizeof(ByteSet) +
      rules_.capacity() * sizeof(Rule) + nodes_.size() / 8 + plain_runs_.size() * 48);
}

}  // namespace holdfast::grammar
