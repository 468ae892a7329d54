// The mechanism of KV memory: page tables of sequences over the pool, the prefix tree and the
// cache. Decides nothing about who may have pages; that is the scheduler's.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "engine/page_pool.h"
#include "engine/prefix_tree.h"

namespace holdfast {

// Which pages hold one sequence's tokens. Belongs to the KvPages that fills it.
struct PageTable {
  std::vector<int32_t> pages;
  int32_t published = 0;  // of them, in the prefix tree
  PrefixTree::Cursor cursor;
  bool attached = false;
  int32_t common = 0;  // of them, under a declared beginning; those behind hang below `root`
  std::string root;
};

// Pages are shared within a salt only, but for declared beginnings: token sequences that an
// operator has named (a system prompt of the whole house), whose whole pages hang below a root of
// their own. What follows them hangs below one root for each salt and beginning.
//
// Not thread-safe: the engine thread owns it.
class KvPages {
 public:
  // `cache` must outlive this object.
  explicit KvPages(KvCache& cache, std::span<const std::vector<int32_t>> declared = {});

  int32_t total() const { return pool_.total(); }
  // What can be had: free, or kept only by the prefix tree.
  int32_t available() const { return pool_.free() + tree_.evictable(); }
  int32_t pages_for(int64_t tokens) const {
    return static_cast<int32_t>((tokens + page_tokens_ - 1) / page_tokens_);
  }
  int32_t page_tokens() const { return page_tokens_; }

  struct Known {
    int32_t tokens = 0;  // in whole pages
    int32_t cost = 0;    // pages taken from available() to hold all of the tokens asked for
  };
  // What attach() would find and take. At least the last token is left to compute: its logits are
  // wanted.
  Known look_up(std::string_view salt, std::span<const int32_t> tokens);
  // Of the first tokens of `tokens`, those that any salt may share.
  int32_t common_tokens(std::span<const int32_t> tokens) const;

  // Starts a table with what the prefix tree knows of `tokens` (all but the last at most) and
  // pages for the rest of them; look_up's cost must be available. Returns how many tokens stand in
  // the cache already.
  int32_t attach(PageTable& table, std::string_view salt, std::span<const int32_t> tokens);
  // Makes room for `tokens` tokens; false when pages are out (what was got stays).
  bool grow(PageTable& table, int64_t tokens);
  // Offers the whole pages among the first `cached` tokens to others; with `tail`, also the last
  // begun one.
  void publish(PageTable& table, std::span<const int32_t> history, int32_t cached, bool tail);
  void release(PageTable& table);
  // What a page costs to compute, for every page before it (see PrefixTree).
  void set_cost_of_depth(double cost) { tree_.set_cost_of_depth(cost); }

 private:
  // The longest declared beginning of `tokens`, or -1.
  int32_t declared_beginning(std::span<const int32_t> tokens) const;
  PrefixTree::Match find(std::string_view salt, std::span<const int32_t> tokens);
  void leave_common(PageTable& table);
  bool allocate(int32_t* page);

  KvCache& cache_;
  const int32_t page_tokens_;
  PagePool pool_;
  PrefixTree tree_;
  std::vector<std::vector<int32_t>> declared_;  // whole pages of each
};

}  // namespace holdfast
