#include "grammar/char_dfa.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "base/check.h"
#include "grammar/utf8_ranges.h"

namespace holdfast::grammar {

namespace {

tl::unexpected<Error> too_large() {
  return fail(Code::kResourceExhausted,
              "combining patterns, lengths and names takes too many states", "",
              "use fewer of them at once, or smaller bounds");
}

// A plain nondeterministic automaton, as a step between.
struct Nfa {
  struct Node {
    int32_t set = -1;               // >= 0: reads a character of it, goes to next
    int32_t next = -1, other = -1;  // set < 0: goes to both (-1: nowhere)
  };
  std::vector<Node> nodes{{}};  // 0: the end

  int32_t add(Node node) {
    nodes.push_back(node);
    return static_cast<int32_t>(nodes.size()) - 1;
  }
};

constexpr size_t kMostNodes = 100'000;

class NfaWriter {
 public:
  NfaWriter(const Grammar& grammar, Nfa& nfa, std::vector<const CharSet*>& sets)
      : g_(grammar), nfa_(nfa), sets_(sets) {}

  // -1: matches nothing.
  int32_t emit(ExprId id, int32_t next) {
    if (next < 0 || nfa_.nodes.size() > kMostNodes) return -1;
    const Expr& e = g_.expr(id);
    switch (e.kind) {
      case ExprKind::kEmpty:
        return next;
      case ExprKind::kLiteral: {
        std::vector<uint32_t> text;
        CHECK(decode_utf8(g_.bytes(e), text)) << "a literal that is no text";
        for (size_t i = text.size(); i > 0; --i) {
          literals_.push_back(std::make_unique<CharSet>(CharSet::single(text[i - 1])));
          next = nfa_.add({use(literals_.back().get()), next, -1});
        }
        return next;
      }
      case ExprKind::kChars:
        return nfa_.add({use(&g_.set(e)), next, -1});
      case ExprKind::kSequence: {
        const auto children = g_.children(e);
        for (size_t i = children.size(); i > 0; --i) next = emit(children[i - 1], next);
        return next;
      }
      case ExprKind::kChoice: {
        int32_t all = -1;
        for (const ExprId child : g_.children(e)) all = split(emit(child, next), all);
        return all;
      }
      case ExprKind::kRepeat: {
        int32_t start = next;
        if (e.max == kNoLimit) {
          start = nfa_.add({-1, -1, next});
          const int32_t body = emit(e.a, start);
          nfa_.nodes[static_cast<size_t>(start)].next = body;
        } else {
          for (int32_t i = e.b; i < e.max && nfa_.nodes.size() <= kMostNodes; ++i)
            start = split(emit(e.a, start), next);
        }
        for (int32_t i = 0; i < e.b && nfa_.nodes.size() <= kMostNodes; ++i)
          start = emit(e.a, start);
        return start;
      }
      default:
        return -1;
    }
  }

 private:
  int32_t split(int32_t a, int32_t b) {
    if (a < 0) return b;
    if (b < 0) return a;
    return nfa_.add({-1, a, b});
  }
  int32_t use(const CharSet* set) {
    const auto [at, added] = ids_.try_emplace(set, static_cast<int32_t>(sets_.size()));
    if (added) sets_.push_back(set);
    return at->second;
  }

  const Grammar& g_;
  Nfa& nfa_;
  std::vector<const CharSet*>& sets_;
  std::map<const CharSet*, int32_t> ids_;

 public:
  std::vector<std::unique_ptr<CharSet>> literals_;
};

}  // namespace

Result<CharDfa> CharDfa::from_expr(const Grammar& grammar, ExprId e) {
  Nfa nfa;
  std::vector<const CharSet*> sets;
  NfaWriter writer(grammar, nfa, sets);
  const int32_t start = writer.emit(e, 0);
  if (nfa.nodes.size() > kMostNodes) return too_large();
  CharDfa dfa;
  if (start < 0) return dfa;

  using Places = std::vector<int32_t>;  // nodes that read, and the end; sorted
  std::map<Places, int32_t> ids;
  std::vector<const Places*> todo;
  std::vector<uint32_t> seen(nfa.nodes.size(), 0);
  uint32_t round = 0;
  size_t edges = 0, work = 0;
  const auto state_of = [&](const std::vector<int32_t>& seeds) {
    ++round;
    Places places;
    std::vector<int32_t> open = seeds;
    while (!open.empty()) {
      const int32_t id = open.back();
      open.pop_back();
      if (id < 0 || seen[static_cast<size_t>(id)] == round) continue;
      seen[static_cast<size_t>(id)] = round;
      ++work;
      const Nfa::Node& node = nfa.nodes[static_cast<size_t>(id)];
      if (id == 0 || node.set >= 0) {
        places.push_back(id);
      } else {
        open.push_back(node.next);
        open.push_back(node.other);
      }
    }
    std::sort(places.begin(), places.end());
    const auto [at, added] = ids.try_emplace(std::move(places), static_cast<int32_t>(ids.size()));
    if (added) {
      todo.push_back(&at->first);
      dfa.states_.emplace_back();
    }
    return at->second;
  };
  state_of({start});
  for (size_t i = 0; i < todo.size(); ++i) {
    const Places& places = *todo[i];
    // The places at which what can be read changes.
    std::vector<uint32_t> cuts;
    for (const int32_t id : places) {
      if (id == 0) {
        dfa.states_[i].accepts = true;
        continue;
      }
      for (const CharRange& r :
           sets[static_cast<size_t>(nfa.nodes[static_cast<size_t>(id)].set)]->ranges()) {
        cuts.push_back(r.first);
        cuts.push_back(r.last + 1);
      }
    }
    std::sort(cuts.begin(), cuts.end());
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    work += cuts.size() * places.size();
    if (work > 5'000'000) return too_large();
    for (size_t c = 0; c + 1 < cuts.size(); ++c) {
      std::vector<int32_t> seeds;
      for (const int32_t id : places) {
        const Nfa::Node& node = nfa.nodes[static_cast<size_t>(id)];
        if (id != 0 && sets[static_cast<size_t>(node.set)]->contains(cuts[c]))
          seeds.push_back(node.next);
      }
      if (seeds.empty()) continue;
      const int32_t to = state_of(seeds);
      auto& out = dfa.states_[i].edges;
      if (!out.empty() && out.back().to == to && out.back().last + 1 == cuts[c]) {
        out.back().last = cuts[c + 1] - 1;
      } else {
        out.push_back({cuts[c], cuts[c + 1] - 1, to});
        ++edges;
      }
      if (dfa.states_.size() > kMostStates || edges > kMostEdges) return too_large();
    }
  }
  dfa.prune();
  return dfa;
}

Result<CharDfa> CharDfa::except(std::span<const std::string> words) {
  CharDfa dfa;
  dfa.states_.emplace_back();
  std::vector<uint32_t> text;
  for (const std::string& word : words) {
    if (!decode_utf8(word, text)) continue;
    int32_t at = 0;
    for (const uint32_t c : text) {
      auto& edges = dfa.states_[static_cast<size_t>(at)].edges;
      const auto place = std::ranges::lower_bound(edges, c, {}, &Edge::first);
      if (place != edges.end() && place->first == c) {
        at = place->to;
        continue;
      }
      const auto to = static_cast<int32_t>(dfa.states_.size());
      edges.insert(place, {c, c, to});
      dfa.states_.emplace_back();
      at = to;
      if (dfa.states_.size() > kMostStates) return too_large();
    }
    dfa.states_[static_cast<size_t>(at)].accepts = true;
  }
  return dfa.complement();
}

Result<CharDfa> CharDfa::of_length(int32_t min, int32_t max) {
  const int32_t count = (max == kNoLimit ? min : max) + 1;
  if (static_cast<size_t>(count) > kMostStates) return too_large();
  CharDfa dfa;
  dfa.states_.resize(static_cast<size_t>(count));
  for (int32_t i = 0; i < count; ++i) {
    State& state = dfa.states_[static_cast<size_t>(i)];
    state.accepts = i >= min;
    const int32_t to = i + 1 < count ? i + 1 : max == kNoLimit ? i : -1;
    if (to >= 0) state.edges.push_back({0, kLastCodePoint, to});
  }
  return dfa;
}

Result<CharDfa> CharDfa::multiples(int32_t divisor) {
  if (static_cast<size_t>(divisor) + 2 > kMostStates) return too_large();
  // 0: nothing read; 1: a sign; 2 + r: digits that leave remainder r.
  CharDfa dfa;
  dfa.states_.resize(static_cast<size_t>(divisor) + 2);
  for (int32_t s = 0; s < divisor + 2; ++s) {
    State& state = dfa.states_[static_cast<size_t>(s)];
    const int32_t rest = std::max(0, s - 2);
    state.accepts = s == 2;
    if (s == 0) state.edges.push_back({'-', '-', 1});
    for (uint32_t d = 0; d < 10; ++d)
      state.edges.push_back(
          {'0' + d, '0' + d, 2 + (rest * 10 + static_cast<int32_t>(d)) % divisor});
  }
  return dfa;
}

Result<CharDfa> CharDfa::intersection(const CharDfa& other) const {
  CharDfa out;
  if (empty() || other.empty()) return out;
  std::map<std::pair<int32_t, int32_t>, int32_t> ids;
  std::vector<std::pair<int32_t, int32_t>> todo;
  const auto state_of = [&](int32_t a, int32_t b) {
    const auto [at, added] = ids.try_emplace({a, b}, static_cast<int32_t>(ids.size()));
    if (added) {
      todo.emplace_back(a, b);
      out.states_.emplace_back();
    }
    return at->second;
  };
  state_of(0, 0);
  size_t edges = 0;
  for (size_t i = 0; i < todo.size(); ++i) {
    const State& a = states_[static_cast<size_t>(todo[i].first)];
    const State& b = other.states_[static_cast<size_t>(todo[i].second)];
    out.states_[i].accepts = a.accepts && b.accepts;
    for (size_t x = 0, y = 0; x < a.edges.size() && y < b.edges.size();) {
      const Edge &ea = a.edges[x], &eb = b.edges[y];
      const uint32_t first = std::max(ea.first, eb.first), last = std::min(ea.last, eb.last);
      if (first <= last) {
        const int32_t to = state_of(ea.to, eb.to);
        out.states_[i].edges.push_back({first, last, to});
        ++edges;
      }
      ea.last < eb.last ? ++x : ++y;
    }
    if (out.states_.size() > kMostStates || edges > kMostEdges) return too_large();
  }
  out.prune();
  return out;
}

Result<CharDfa> CharDfa::complement() const {
  CharDfa out;
  out.states_ = states_;
  if (out.states_.empty()) out.states_.emplace_back();
  const auto all = static_cast<int32_t>(out.states_.size());  // whatever follows, it matches
  for (State& state : out.states_) {
    state.accepts = !state.accepts;
    std::vector<Edge> edges;
    uint32_t next = 0;
    for (const Edge& edge : state.edges) {
      if (edge.first > next) edges.push_back({next, edge.first - 1, all});
      edges.push_back(edge);
      next = edge.last + 1;
    }
    if (next <= kLastCodePoint) edges.push_back({next, kLastCodePoint, all});
    state.edges = std::move(edges);
  }
  out.states_.push_back({{{0, kLastCodePoint, all}}, true});
  out.prune();
  return out;
}

bool CharDfa::matches(std::span<const uint32_t> text) const {
  if (empty()) return false;
  int32_t at = 0;
  for (const uint32_t c : text) {
    const auto& edges = states_[static_cast<size_t>(at)].edges;
    const auto edge =
        std::ranges::find_if(edges, [&](const Edge& e) { return c >= e.first && c <= e.last; });
    if (edge == edges.end()) return false;
    at = edge->to;
  }
  return states_[static_cast<size_t>(at)].accepts;
}

// Drops what cannot reach acceptance, and the edges to it.
void CharDfa::prune() {
  const size_t count = states_.size();
  std::vector<std::vector<int32_t>> from(count);
  for (size_t i = 0; i < count; ++i) {
    for (const Edge& edge : states_[i].edges)
      from[static_cast<size_t>(edge.to)].push_back(static_cast<int32_t>(i));
  }
  std::vector<int32_t> names(count, -1), todo;
  for (size_t i = 0; i < count; ++i) {
    if (states_[i].accepts) names[i] = 0, todo.push_back(static_cast<int32_t>(i));
  }
  while (!todo.empty()) {
    const int32_t id = todo.back();
    todo.pop_back();
    for (const int32_t before : from[static_cast<size_t>(id)]) {
      if (names[static_cast<size_t>(before)] == -1) {
        names[static_cast<size_t>(before)] = 0;
        todo.push_back(before);
      }
    }
  }
  if (count == 0 || names[0] == -1) {
    states_.clear();
    return;
  }
  int32_t next = 0;
  for (int32_t& name : names) {
    if (name == 0) name = next++;
  }
  std::vector<State> kept;
  for (size_t i = 0; i < count; ++i) {
    if (names[i] < 0) continue;
    State state{{}, states_[i].accepts};
    for (const Edge& edge : states_[i].edges) {
      const int32_t to = names[static_cast<size_t>(edge.to)];
      if (to >= 0) state.edges.push_back({edge.first, edge.last, to});
    }
    kept.push_back(std::move(state));
  }
  states_ = std::move(kept);
}

ExprId CharDfa::to_expr(Grammar& g, const std::function<ExprId(const CharSet&)>& spell) const {
  if (empty()) return g.nothing();
  std::vector<RuleId> rules;
  for (size_t i = 0; i < states_.size(); ++i) rules.push_back(g.add_rule("pattern"));
  for (size_t i = 0; i < states_.size() && !g.error(); ++i) {
    std::map<int32_t, CharSet> sets;
    for (const Edge& edge : states_[i].edges) sets[edge.to].add(edge.first, edge.last);
    std::vector<ExprId> ways;
    if (states_[i].accepts) ways.push_back(g.empty());
    for (const auto& [to, set] : sets)
      ways.push_back(g.sequence({spell(set), g.rule(rules[static_cast<size_t>(to)])}));
    g.set_body(rules[i], g.choice(ways));
  }
  return g.rule(rules[0]);
}

}  // namespace holdfast::grammar
