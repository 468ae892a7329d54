#include "grammar/state_table.h"

#include <algorithm>
#include <utility>

namespace holdfast::grammar {

namespace {

// A row is a KiB: credit bounds memory as well as time.
constexpr int64_t kRowCredit = 256;

uint64_t mix(uint64_t x) {
  x ^= x >> 31;
  x *= 0x9E3779B97F4A7C15;
  return x ^ (x >> 29);
}

}  // namespace

size_t ListPool::Hash::operator()(int32_t id) const {
  uint64_t hash = 0;
  for (const uint64_t x : pool->at(id)) hash = mix(hash + mix(x));
  return hash;
}

bool ListPool::Equal::operator()(int32_t a, int32_t b) const {
  return std::ranges::equal(pool->at(a), pool->at(b));
}

ListPool::ListPool() : index_(16, Hash{this}, Equal{this}) {}

int32_t ListPool::intern(std::span<const uint64_t> list) {
  data_.insert(data_.end(), list.begin(), list.end());
  starts_.push_back(data_.size());
  const int32_t id = size() - 1;
  const auto [at, added] = index_.insert(id);
  if (!added) {
    starts_.pop_back();
    data_.resize(starts_.back());
  }
  return *at;
}

void ListPool::clear() {
  index_.clear();
  data_.clear();
  starts_.assign(1, 0);
}

int64_t ListPool::memory_bytes() const {
  return static_cast<int64_t>(data_.size() * 8 + starts_.size() * 8 + index_.size() * 40);
}

void StateTable::Seen::clear() {
  used_ = 0;
  if (++round_ == 0) {
    slots_.assign(slots_.size(), {});
    round_ = 1;
  }
}

bool StateTable::Seen::insert(uint64_t item) {
  if (used_ * 2 >= slots_.size()) {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    const uint32_t round = round_;
    used_ = 0;
    for (const Slot& slot : old) {
      if (slot.round == round) insert(slot.item);
    }
  }
  for (size_t at = mix(item);; ++at) {
    Slot& slot = slots_[at & (slots_.size() - 1)];
    if (slot.round != round_) {
      slot = {item, round_};
      ++used_;
      return true;
    }
    if (slot.item == item) return false;
  }
}

StateTable::StateTable(const Program& program) : program_(program) { reset(); }

void StateTable::reset() {
  frames_.clear();
  states_.clear();
  facts_.clear();
  rows_.clear();
  rows_made_ = 0;
  frames_.intern({});
  intern_state({});
  rows_[kDead] = make_row();
  std::fill_n(rows_[kDead].get(), 256, kDead);
  const uint64_t begin = item(program_.start(), 0);
  start_ = close({&begin, 1});
}

StateTable::Row StateTable::make_row() {
  Row row(new StateId[256]);
  std::fill_n(row.get(), 256, -1);
  ++rows_made_;
  credit_ -= kRowCredit;
  return row;
}

StateId StateTable::intern_state(std::span<const uint64_t> items) {
  const StateId id = states_.intern(items);
  if (id < std::ssize(facts_)) return id;
  Facts facts;
  for (const uint64_t place : items) {
    if (node_of(place) == Program::kFinal) {
      facts.accepts = true;
    } else {
      facts.continues = true;
      facts.plain_run = std::max(facts.plain_run, program_.plain_run(node_of(place)));
    }
  }
  facts_.push_back(facts);
  rows_.emplace_back();
  return id;
}

// Everything that `first` leads to without reading; calls are gathered.
void StateTable::follow(uint64_t first) {
  todo_.push_back(first);
  while (!todo_.empty()) {
    const uint64_t place = todo_.back();
    todo_.pop_back();
    if (!seen_.insert(place)) continue;
    if (--credit_ < 0) return todo_.clear();
    const NodeId id = node_of(place);
    const int32_t frame = frame_of(place);
    const Node& node = program_.node(id);
    switch (node.kind) {
      case NodeKind::kByte:
      case NodeKind::kBytes:
        kept_.push_back(place);
        break;
      case NodeKind::kSplit:
        todo_.push_back(item(node.next, frame));
        todo_.push_back(item(node.other, frame));
        break;
      case NodeKind::kCall: {
        auto& [rule, waiting] = calls_[program_.rank(node.other)];
        rule = node.other;
        // Who has nothing left to do but to end need not wait: those who wait for it do.
        if (frame != 0 && program_.is_tail(node.next)) {
          const auto parents = frames_.at(frame);
          waiting.insert(waiting.end(), parents.begin(), parents.end());
          credit_ -= std::ssize(parents);
        } else {
          waiting.push_back(item(node.next, frame));
        }
        if (program_.nullable(node.other)) todo_.push_back(item(node.next, frame));
        break;
      }
      case NodeKind::kFinal:
        if (frame == 0) {
          kept_.push_back(place);
        } else {
          const auto waiting = frames_.at(frame);
          todo_.insert(todo_.end(), waiting.begin(), waiting.end());
          credit_ -= std::ssize(waiting);
        }
        break;
    }
  }
}

StateId StateTable::close(std::span<const uint64_t> seeds) {
  seen_.clear();
  kept_.clear();
  calls_.clear();
  for (const uint64_t seed : seeds) follow(seed);
  // By rank, so that all who wait for a rule are known when it is entered. A rule that may be empty
  // was already passed by where it was called.
  while (!calls_.empty() && credit_ >= 0) {
    auto [rule, waiting] = std::move(calls_.begin()->second);
    calls_.erase(calls_.begin());
    std::sort(waiting.begin(), waiting.end());
    waiting.erase(std::unique(waiting.begin(), waiting.end()), waiting.end());
    credit_ -= std::ssize(waiting);
    follow(item(program_.rule_start(rule), frames_.intern(waiting)));
  }
  if (credit_ < 0) return kDead;
  credit_ -= 2 * std::ssize(kept_);
  std::sort(kept_.begin(), kept_.end());
  return intern_state(kept_);
}

StateId StateTable::make_next(StateId state, uint8_t byte) {
  if (credit_ < 0) return kDead;
  seeds_.clear();
  const auto places = states_.at(state);
  for (const uint64_t place : places) {
    const Node& node = program_.node(node_of(place));
    const bool reads = node.kind == NodeKind::kByte
                           ? byte >= node.first && byte <= node.last
                           : node.kind == NodeKind::kBytes && program_.byte_set(node.other)[byte];
    if (reads) seeds_.push_back(item(node.next, frame_of(place)));
  }
  credit_ -= std::ssize(places) / 4;
  const StateId next = seeds_.empty() ? kDead : close(seeds_);
  if (credit_ < 0) return kDead;
  rows_[static_cast<size_t>(state)][byte] = next;
  return next;
}

int64_t StateTable::memory_bytes() const {
  return frames_.memory_bytes() + states_.memory_bytes() + rows_made_ * 1040 +
         static_cast<int64_t>(facts_.size() * (sizeof(Facts) + sizeof(Row)));
}

void StateTable::collect(std::span<StateId* const> roots) {
  // What the roots hold, taken out before everything goes. A frame refers to older ones only.
  std::vector<bool> used(static_cast<size_t>(frames_.size()), false);
  std::vector<std::vector<uint64_t>> kept;
  for (const StateId* root : roots) {
    const auto items = states_.at(*root);
    kept.emplace_back(items.begin(), items.end());
    for (const uint64_t place : items) used[static_cast<size_t>(frame_of(place))] = true;
  }
  std::map<int32_t, std::vector<uint64_t>> frames;
  for (int32_t frame = frames_.size() - 1; frame > 0; --frame) {
    if (!used[static_cast<size_t>(frame)]) continue;
    const auto waiting = frames_.at(frame);
    frames[frame].assign(waiting.begin(), waiting.end());
    for (const uint64_t place : waiting) used[static_cast<size_t>(frame_of(place))] = true;
  }
  const int64_t credit = std::exchange(credit_, kMostCredit);
  reset();
  credit_ = credit;
  std::map<int32_t, int32_t> renamed{{0, 0}};
  const auto rename = [&](std::vector<uint64_t>& places) {
    for (uint64_t& place : places) place = item(node_of(place), renamed.at(frame_of(place)));
    std::sort(places.begin(), places.end());
  };
  for (auto& [frame, waiting] : frames) {
    rename(waiting);
    renamed[frame] = frames_.intern(waiting);
  }
  for (size_t i = 0; i < kept.size(); ++i) {
    rename(kept[i]);
    *roots[i] = intern_state(kept[i]);
  }
}

}  // namespace holdfast::grammar
