#include "base/merkle.h"

#include <bit>

#include "base/check.h"

namespace holdfast {

namespace {

Sha256& hasher() {
  thread_local Sha256 hash;
  return hash;
}

// Where a tree of `size` > 1 leaves splits.
uint64_t split(uint64_t size) { return std::bit_floor(size - 1); }

}  // namespace

Digest merkle_leaf(std::span<const std::byte> data) {
  return hasher().update(std::string_view("\0", 1)).update(data).finish();
}

Digest merkle_node(const Digest& left, const Digest& right) {
  return hasher().update("\1").update(left).update(right).finish();
}

Digest merkle_empty() { return sha256(std::string_view()); }

MerkleFrontier::MerkleFrontier(uint64_t size, std::vector<Digest> nodes)
    : size_(size), nodes_(std::move(nodes)) {
  CHECK(static_cast<size_t>(std::popcount(size)) == nodes_.size()) << size;
}

void MerkleFrontier::push(const Digest& leaf) {
  nodes_.push_back(leaf);
  for (uint64_t bits = size_; bits & 1; bits >>= 1) {
    const Digest right = nodes_.back();
    nodes_.pop_back();
    nodes_.back() = merkle_node(nodes_.back(), right);
  }
  ++size_;
}

Digest MerkleFrontier::root() const {
  if (nodes_.empty()) return merkle_empty();
  Digest out = nodes_.back();
  for (size_t i = nodes_.size() - 1; i-- > 0;) out = merkle_node(nodes_[i], out);
  return out;
}

// The root of leaves [begin, end). Whatever lies wholly before first() and is asked for is one of
// the frontier's nodes: the subtree above it reaches past first().
Digest MerkleLeaves::range(uint64_t begin, uint64_t end) const {
  if (begin == end) return merkle_empty();
  if (begin == 0 && end == first()) return before_.root();
  if (end <= first()) {
    uint64_t at = 0, node = 0;
    for (uint64_t bit = std::bit_floor(first()); bit != 0; bit >>= 1) {
      if ((first() & bit) == 0) continue;
      if (at == begin && at + bit == end) return before_.nodes()[node];
      at += bit;
      ++node;
    }
    CHECK(false) << "leaves " << begin << " to " << end << " are not there";
  }
  if (end - begin == 1) return leaf(begin);
  const uint64_t middle = begin + split(end - begin);
  return merkle_node(range(begin, middle), range(middle, end));
}

std::vector<Digest> MerkleLeaves::inclusion(uint64_t index, uint64_t size) const {
  CHECK(index >= first() && index < size && size <= this->size()) << index << " in " << size;
  std::vector<Digest> out;
  uint64_t begin = 0, end = size;
  while (end - begin > 1) {
    const uint64_t middle = begin + split(end - begin);
    if (index < middle) {
      out.push_back(range(middle, end));
      end = middle;
    } else {
      out.push_back(range(begin, middle));
      begin = middle;
    }
  }
  return {out.rbegin(), out.rend()};
}

void MerkleLeaves::sub_proof(uint64_t old, uint64_t begin, uint64_t end, bool whole,
                             std::vector<Digest>& out) const {
  if (old == end) {
    if (!whole) out.push_back(range(begin, end));
    return;
  }
  const uint64_t middle = begin + split(end - begin);
  if (old <= middle) {
    sub_proof(old, begin, middle, whole, out);
    out.push_back(range(middle, end));
  } else {
    sub_proof(old, middle, end, false, out);
    out.push_back(range(begin, middle));
  }
}

std::vector<Digest> MerkleLeaves::consistency(uint64_t old, uint64_t size) const {
  CHECK(old > 0 && old >= first() && old <= size && size <= this->size()) << old << " in " << size;
  std::vector<Digest> out;
  sub_proof(old, 0, size, true, out);
  return out;
}

bool verify_inclusion(uint64_t index, uint64_t size, const Digest& leaf,
                      std::span<const Digest> proof, const Digest& root) {
  if (index >= size) return false;
  uint64_t fn = index, sn = size - 1;
  Digest hash = leaf;
  for (const Digest& step : proof) {
    if (sn == 0) return false;
    if ((fn & 1) || fn == sn) {
      hash = merkle_node(step, hash);
      while ((fn & 1) == 0 && fn != 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else {
      hash = merkle_node(hash, step);
    }
    fn >>= 1;
    sn >>= 1;
  }
  return sn == 0 && hash == root;
}

bool verify_consistency(uint64_t old, uint64_t size, std::span<const Digest> proof,
                        const Digest& old_root, const Digest& root) {
  if (old == 0 || old > size) return false;
  if (old == size) return proof.empty() && old_root == root;
  // A complete old tree is itself the first step.
  const bool complete = std::has_single_bit(old);
  if (proof.empty() && !complete) return false;
  uint64_t fn = old - 1, sn = size - 1;
  while (fn & 1) {
    fn >>= 1;
    sn >>= 1;
  }
  const Digest start = complete ? old_root : proof[0];
  Digest before = start, after = start;
  for (const Digest& step : proof.subspan(complete ? 0 : 1)) {
    if (sn == 0) return false;
    if ((fn & 1) || fn == sn) {
      before = merkle_node(step, before);
      after = merkle_node(step, after);
      while ((fn & 1) == 0 && fn != 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else {
      after = merkle_node(after, step);
    }
    fn >>= 1;
    sn >>= 1;
  }
  return sn == 0 && before == old_root && after == root;
}

}  // namespace holdfast
