// Merkle trees as RFC 6962 (section 2.1) defines them: a leaf is SHA-256(0x00 || data), a node
// SHA-256(0x01 || left || right), and a tree of n > 1 leaves splits at the largest power of two
// below n. Sizes and indices count leaves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/digest.h"

namespace holdfast {

Digest merkle_leaf(std::span<const std::byte> data);
Digest merkle_node(const Digest& left, const Digest& right);
Digest merkle_empty();  // the root of no leaves: SHA-256 of nothing

// What is left of a tree when leaves are only ever added: the roots of its complete subtrees, the
// largest first; one for each bit that is set in the size.
class MerkleFrontier {
 public:
  MerkleFrontier() = default;
  // `nodes` as nodes() gave them; their number must fit the size.
  MerkleFrontier(uint64_t size, std::vector<Digest> nodes);

  void push(const Digest& leaf);
  uint64_t size() const { return size_; }
  const std::vector<Digest>& nodes() const { return nodes_; }
  Digest root() const;

  friend bool operator==(const MerkleFrontier&, const MerkleFrontier&) = default;

 private:
  uint64_t size_ = 0;
  std::vector<Digest> nodes_;
};

// The leaves from `first` on, and what stands for those before: enough for every proof about the
// leaves that are there.
class MerkleLeaves {
 public:
  MerkleLeaves() = default;
  explicit MerkleLeaves(MerkleFrontier before) : before_(std::move(before)) {}

  void push(const Digest& leaf) { leaves_.push_back(leaf); }
  uint64_t first() const { return before_.size(); }
  uint64_t size() const { return first() + leaves_.size(); }
  const Digest& leaf(uint64_t index) const { return leaves_[index - first()]; }

  // The root of the first `size` leaves; size >= first().
  Digest root(uint64_t size) const { return range(0, size); }
  // That leaf `index` is in the tree of `size` leaves (PATH of the RFC): first() <= index < size <=
  // this->size().
  std::vector<Digest> inclusion(uint64_t index, uint64_t size) const;
  // That the tree of `size` leaves continues that of `old` (PROOF of the RFC): first() <= old <=
  // size <= this->size(), old > 0.
  std::vector<Digest> consistency(uint64_t old, uint64_t size) const;

 private:
  Digest range(uint64_t begin, uint64_t end) const;
  void sub_proof(uint64_t old, uint64_t begin, uint64_t end, bool whole,
                 std::vector<Digest>& out) const;

  MerkleFrontier before_;
  std::vector<Digest> leaves_;
};

// As RFC 9162, sections 2.1.3.2 and 2.1.4.2, check them.
bool verify_inclusion(uint64_t index, uint64_t size, const Digest& leaf,
                      std::span<const Digest> proof, const Digest& root);
bool verify_consistency(uint64_t old, uint64_t size, std::span<const Digest> proof,
                        const Digest& old_root, const Digest& root);

}  // namespace holdfast
