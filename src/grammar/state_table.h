// Deterministic states of a program, made as they are needed.
//
// A state is the set of all places in which the program may be: pairs of a node and a frame, which
// is the set of places that wait for the node's rule to end (a graph-structured stack whose levels
// are shared when equal; Tomita 1985, Scott and Johnstone's GLL). So a state depends on nothing but
// the text read, ambiguous grammars stay small, and rules that end in a call of themselves do not
// grow the stack.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <unordered_set>
#include <vector>

#include "grammar/program.h"

namespace holdfast::grammar {

using StateId = int32_t;

// Lists of numbers, each stored once.
class ListPool {
 public:
  ListPool();
  ListPool(const ListPool&) = delete;
  ListPool& operator=(const ListPool&) = delete;

  int32_t intern(std::span<const uint64_t> list);
  // Valid until the next intern().
  std::span<const uint64_t> at(int32_t id) const {
    const auto i = static_cast<size_t>(id);
    return std::span(data_).subspan(starts_[i], starts_[i + 1] - starts_[i]);
  }
  int32_t size() const { return static_cast<int32_t>(starts_.size()) - 1; }
  void clear();
  int64_t memory_bytes() const;

 private:
  struct Hash {
    const ListPool* pool;
    size_t operator()(int32_t id) const;
  };
  struct Equal {
    const ListPool* pool;
    bool operator()(int32_t a, int32_t b) const;
  };
  std::vector<uint64_t> data_;
  std::vector<size_t> starts_{0};
  std::unordered_set<int32_t, Hash, Equal> index_;
};

// Not thread-safe.
class StateTable {
 public:
  // `program` must outlive this.
  explicit StateTable(const Program& program);

  static constexpr StateId kDead = 0;  // no text with this beginning matches
  StateId start() const { return start_; }
  // Making a state costs credit; without any left the answer is kDead and exhausted() is true.
  StateId next(StateId state, uint8_t byte) {
    const StateId known = row(state)[byte];
    return known >= 0 ? known : make_next(state, byte);
  }
  // What is known of a state's successors, by byte; negative: ask next().
  const StateId* row(StateId state) {
    auto& row = rows_[static_cast<size_t>(state)];
    if (!row) row = make_row();
    return row.get();
  }

  bool accepts(StateId state) const { return facts_[static_cast<size_t>(state)].accepts; }
  bool continues(StateId state) const { return facts_[static_cast<size_t>(state)].continues; }
  // Any text of at most so many plain characters keeps it alive.
  int32_t plain_run(StateId state) const { return facts_[static_cast<size_t>(state)].plain_run; }

  void grant(int64_t credit) { credit_ = std::min(credit_ + credit, kMostCredit); }
  bool exhausted() const { return credit_ < 0; }

  int64_t memory_bytes() const;
  // Forgets all states but the start and those in `roots`, which get their new numbers.
  void collect(std::span<StateId* const> roots);

  static constexpr int64_t kMostCredit = 4'000'000;

 private:
  struct Facts {
    bool accepts = false, continues = false;
    int32_t plain_run = 0;
  };
  using Row = std::unique_ptr<StateId[]>;

  static uint64_t item(NodeId node, int32_t frame) {
    return static_cast<uint64_t>(static_cast<uint32_t>(frame)) << 32 | static_cast<uint32_t>(node);
  }
  static NodeId node_of(uint64_t item) { return static_cast<NodeId>(item & 0xFFFFFFFF); }
  static int32_t frame_of(uint64_t item) { return static_cast<int32_t>(item >> 32); }

  StateId make_next(StateId state, uint8_t byte);
  Row make_row();
  // The state after `seeds` and all that follows from them without reading.
  StateId close(std::span<const uint64_t> seeds);
  void follow(uint64_t first);
  StateId intern_state(std::span<const uint64_t> items);
  void reset();

  // The places seen by one closure.
  class Seen {
   public:
    void clear();
    bool insert(uint64_t item);

   private:
    struct Slot {
      uint64_t item = 0;
      uint32_t round = 0;
    };
    std::vector<Slot> slots_ = std::vector<Slot>(64);
    size_t used_ = 0;
    uint32_t round_ = 0;
  };

  const Program& program_;
  ListPool frames_;  // 0: whoever waits for the whole text to end
  ListPool states_;  // of items; 0: none
  std::vector<Facts> facts_;
  std::vector<Row> rows_;
  int64_t rows_made_ = 0;
  StateId start_ = 0;
  int64_t credit_ = kMostCredit;

  Seen seen_;
  std::vector<uint64_t> todo_, kept_, seeds_;
  std::map<int32_t, std::pair<int32_t, std::vector<uint64_t>>> calls_;  // by rank: rule, who waits
};

}  // namespace holdfast::grammar
