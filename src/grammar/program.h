// A grammar compiled to a program over bytes: a recursive transition network, whose nodes read a
// byte, branch, call a rule or end one.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include "base/result.h"
#include "grammar/grammar.h"

namespace holdfast::grammar {

using NodeId = int32_t;

enum class NodeKind : uint8_t {
  kByte,   // reads one byte of [first, last], goes to `next`
  kBytes,  // reads one byte of byte set `other`, goes to `next`
  kSplit,  // goes to `next` and to `other`
  kCall,   // goes through rule `other`, then to `next`
  kFinal,  // the end of a rule
};

struct Node {
  NodeKind kind = NodeKind::kFinal;
  uint8_t first = 0, last = 0;
  NodeId next = 0;
  int32_t other = 0;
};

using ByteSet = std::bitset<256>;

// What a JSON string may hold without an escape. Most tokens of a vocabulary are made of it, which
// is what masks use (see Program::plain_run).
const CharSet& plain_characters();

// Immutable. Everything in it leads somewhere: from every node the end of its rule can be reached.
class Program {
 public:
  // resource_exhausted when too large; invalid_argument for a grammar that matches nothing, or with
  // a rule that calls itself before it has read anything (left recursion; named).
  static Result<Program> compile(const Grammar& grammar);

  static constexpr NodeId kFinal = 0;

  const Node& node(NodeId id) const { return nodes_[static_cast<size_t>(id)]; }
  const ByteSet& byte_set(int32_t index) const { return byte_sets_[static_cast<size_t>(index)]; }
  NodeId start() const { return start_; }
  NodeId rule_start(int32_t rule) const { return rules_[static_cast<size_t>(rule)].start; }
  bool nullable(int32_t rule) const { return rules_[static_cast<size_t>(rule)].nullable; }
  // Callers that may call a rule without having read anything have a smaller rank than the rule.
  int32_t rank(int32_t rule) const { return rules_[static_cast<size_t>(rule)].rank; }
  // Nothing but the end of the rule follows.
  bool is_tail(NodeId id) const { return tails_[static_cast<size_t>(id)]; }
  // From this (kBytes) node on, any text of at most so many plain characters can be read.
  int32_t plain_run(NodeId id) const {
    const auto found = plain_runs_.find(id);
    return found == plain_runs_.end() ? 0 : found->second;
  }
  static constexpr int32_t kEndless = std::numeric_limits<int32_t>::max();

  int32_t nodes() const { return static_cast<int32_t>(nodes_.size()); }
  int64_t memory_bytes() const;

 private:
  friend class ProgramWriter;
  struct Rule {
    NodeId start = 0;
    bool nullable = false;
    int32_t rank = 0;
  };

  std::vector<Node> nodes_;
  std::vector<ByteSet> byte_sets_;
  std::vector<Rule> rules_;
  std::vector<bool> tails_;
  std::map<NodeId, int32_t> plain_runs_;
  NodeId start_ = 0;
};

}  // namespace holdfast::grammar
