// Repeated merging of neighbours, the lowest rank first and the leftmost of equals, in O(n log n).
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace holdfast {

// What two neighbours become, and how early.
struct Merge {
  uint32_t rank = kNone;  // lower merges first
  int32_t id = -1;        // of the joined token
  static constexpr uint32_t kNone = UINT32_MAX;
};

// Positions and ranks share 64 bits in the queue; longer words are cut here (bytes).
inline constexpr std::size_t kLongestWord = std::size_t{1} << 30;
// Where to cut a word (UTF-8) that is longer: before a character.
inline std::size_t cut_point(std::string_view word) {
  std::size_t cut = kLongestWord;
  while ((static_cast<unsigned char>(word[cut]) & 0xC0) == 0x80) --cut;
  return cut;
}

// Merges `symbols` (fewer than 2^31) until no pair has a rank. look(at, next, end) tells what the
// symbols that cover the original positions [at, next) and [next, end) become.
template <class Look>
void merge_by_rank(std::vector<int32_t>& symbols, Look&& look) {
  struct Node {
    uint32_t previous, next;  // original positions
    uint32_t rank;            // of merging with `next`; kNone also for nodes that are gone
    int32_t joined;
  };
  struct Scratch {
    std::vector<Node> nodes;
    std::vector<uint64_t> heap;  // rank, then position
  };
  thread_local Scratch scratch;
  std::vector<Node>& nodes = scratch.nodes;  // not a structured binding: clang cannot capture one
  std::vector<uint64_t>& heap = scratch.heap;

  const auto n = static_cast<uint32_t>(symbols.size());
  nodes.resize(n);
  heap.clear();
  const auto refresh = [&](uint32_t at) {  // true: `at` can merge
    Node& node = nodes[at];
    const Merge merge = node.next < n ? look(at, node.next, nodes[node.next].next) : Merge{};
    node.rank = merge.rank;
    node.joined = merge.id;
    return merge.rank != Merge::kNone;
  };
  const auto entry = [&](uint32_t at) { return (uint64_t{nodes[at].rank} << 32) | at; };
  for (uint32_t at = 0; at < n; ++at) nodes[at] = {at == 0 ? n : at - 1, at + 1, 0, 0};
  for (uint32_t at = 0; at < n; ++at) {
    if (refresh(at)) heap.push_back(entry(at));
  }
  std::make_heap(heap.begin(), heap.end(), std::greater<>{});
  const auto push = [&](uint32_t at) {
    heap.push_back(entry(at));
    std::push_heap(heap.begin(), heap.end(), std::greater<>{});
  };

  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>{});
    const uint64_t top = heap.back();
    heap.pop_back();
    const auto at = static_cast<uint32_t>(top & UINT32_MAX);
    Node& node = nodes[at];
    // Entries of pairs that changed meanwhile stay in the heap and are skipped here.
    if (node.rank != static_cast<uint32_t>(top >> 32)) continue;
    symbols[at] = node.joined;
    Node& eaten = nodes[node.next];
    eaten.rank = Merge::kNone;
    node.next = eaten.next;
    if (node.next < n) nodes[node.next].previous = at;
    if (refresh(at)) push(at);
    if (node.previous < n && refresh(node.previous)) push(node.previous);
  }
  std::size_t kept = 0;
  for (uint32_t at = 0; at < n; at = nodes[at].next) symbols[kept++] = symbols[at];
  symbols.resize(kept);
  if (n > (1U << 16)) scratch = Scratch{};  // do not keep a rare word's memory
}

}  // namespace holdfast
