// Finished KV pages, found again by the tokens that led to them: a tree whose edges are the tokens
// of one page. Roots are salts, so requests meet only within one salt.
//
// The cache holds keys and values of positions, and these depend on every token before; so a page
// is known by (salt, all tokens from the start up to its end), which is its path in the tree.
// Inserted slots never change again. A sequence writes only pages that it allocated itself, behind
// the slots that are in the tree; whoever shares part of a page copies that part.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/page_pool.h"

namespace holdfast {

// Not thread-safe: the engine thread owns it. A node is its page: ids are page numbers.
//
// Reference rule: a sequence that holds a page of the tree holds all pages above it, and releases
// them from the last to the first. So a page nobody holds has nobody below it either, and in the
// order of release the oldest such page is always a leaf: that one is evicted first.
class PrefixTree {
 private:
  struct TokensLess {  // lexicographic; lookups by span without a copy
    using is_transparent = void;
    bool operator()(std::span<const int32_t> a, std::span<const int32_t> b) const {
      return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
    }
  };
  using Children = std::map<std::vector<int32_t>, int32_t, TokensLess>;  // tokens -> page

 public:
  PrefixTree(PagePool& pool, int32_t page_tokens);

  // A place in the tree: below it hang the pages that continue it. Valid while the caller holds
  // the page it stands for.
  class Cursor {
    friend class PrefixTree;
    Children* children_ = nullptr;
  };

  struct Match {
    Cursor cursor;               // behind `pages`
    std::vector<int32_t> pages;  // whole pages, in order
    int32_t tail_page = -1;      // a page whose first tail_tokens slots continue them
    int32_t tail_tokens = 0;
    int32_t unheld = 0;  // of `pages`: in the tree only, so retaining them takes them from eviction
  };

  Cursor root(std::string_view salt);
  // The longest known beginning of `tokens`. Retains nothing.
  Match find(std::string_view salt, std::span<const int32_t> tokens);

  // Puts a page filled with `tokens` below `at` and moves `at` there. Returns the page the caller
  // holds from now on: `page`, or, when the tree had these tokens already, the tree's own, with
  // `page` released (both hold the same bytes: the KV cache depends on the tokens alone).
  int32_t insert(Cursor& at, std::span<const int32_t> tokens, int32_t page);
  // The same for the filled beginning of a page which its owner goes on writing.
  void insert_tail(Cursor at, std::span<const int32_t> tokens, int32_t page);

  // For sequences: as the pool's, but a page of the tree becomes evictable with its last holder.
  void retain(int32_t page);
  void release(int32_t page);

  int32_t evictable() const { return evictable_; }
  // Frees the evictable page that was released first; false when there is none.
  bool evict();

 private:
  struct Node {
    Children* siblings = nullptr;  // null: the page is not in the tree
    Children::iterator self;
    Children children;
    int32_t older = -1, newer = -1;  // neighbours in the order of release
    bool listed = false;
  };

  int32_t add(Children& children, std::span<const int32_t> tokens, int32_t page);
  void remove(int32_t page);  // from the tree, with the tree's reference
  void list(int32_t page);
  void unlist(int32_t page);

  PagePool& pool_;
  const int32_t page_tokens_;
  std::vector<Node> nodes_;  // [pages]; never resized
  std::map<std::string, Children, std::less<>> roots_;
  int32_t oldest_ = -1, newest_ = -1;
  int32_t evictable_ = 0;
};

}  // namespace holdfast
