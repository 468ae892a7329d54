// Finished KV pages, found again by the tokens that led to them: a tree whose edges are the tokens
// of one page. Roots are salts, so requests meet only within one salt.
//
// The cache holds keys and values of positions, and these depend on every token before; so a page
// is known by (salt, all tokens from the start up to its end), which is its path in the tree.
// Inserted slots never change again. A sequence writes only pages that it allocated itself, behind
// the slots that are in the tree; whoever shares part of a page copies that part.
//
// What goes first when pages are out: GreedyDual (Young, Algorithmica 1994; with frequencies,
// Cherkasova 1998). A page that nobody holds is worth what computing it again costs, times how
// often it was of use, on top of a mark that rises to the worth of each page that goes. So old
// pages go before new ones, cheap ones before dear ones (a page far back in a conversation looks at
// all before it), and those used once before those that come back.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "engine/page_pool.h"

namespace holdfast {

// Not thread-safe: the engine thread owns it. A node is its page: ids are page numbers.
//
// Reference rule: a sequence that holds a page of the tree holds all pages above it. So a page that
// nobody holds has nobody below it either, and all such pages can be had, leaves first.
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
    int32_t page_ = -1;  // -1: a root
    int32_t depth_ = 0;  // pages above
  };

  struct Match {
    Cursor cursor;               // behind `pages`
    std::vector<int32_t> pages;  // whole pages, in order
    int32_t tail_page = -1;      // a page whose first tail_tokens slots continue them
    int32_t tail_tokens = 0;
    int32_t unheld = 0;  // of `pages`: in the tree only, so retaining them takes them from eviction
  };

  // `depth`: pages that stand before this root's first, elsewhere.
  Cursor root(std::string_view salt, int32_t depth = 0);
  // The longest known beginning of `tokens`. Retains nothing.
  Match find(const Cursor& from, std::span<const int32_t> tokens);

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
  // Frees the evictable page that is worth least; false when there is none.
  bool evict();
  // What a page costs more for every page before it, in costs of the first one. From measured
  // steps.
  void set_cost_of_depth(double cost) { cost_of_depth_ = cost; }

 private:
  using Worth = std::tuple<double, uint64_t, int32_t>;  // then the oldest, page

  struct Node {
    Children* siblings = nullptr;  // null: the page is not in the tree
    Children::iterator self;
    Children children;
    int32_t parent = -1;  // -1: below a root
    int32_t depth = 0;    // pages before it
    int32_t uses = 0;     // by those who came after it was made
    bool unheld = false;  // in the tree only
    Worth worth;          // while unheld
  };

  Cursor below(const Cursor& at, int32_t page);
  int32_t add(const Cursor& at, std::span<const int32_t> tokens, int32_t page);
  void remove(int32_t page);  // from the tree, with the tree's reference
  void let_go(int32_t page);  // its last holder did
  void take(int32_t page);    // held again, or gone

  PagePool& pool_;
  const int32_t page_tokens_;
  std::vector<Node> nodes_;  // [pages]; never resized
  std::map<std::string, Children, std::less<>> roots_;
  std::set<Worth> leaves_;  // unheld, with nothing below
  int32_t evictable_ = 0;   // unheld
  double mark_ = 0.0;
  double cost_of_depth_ = 1.0 / 128;
  uint64_t releases_ = 0;
};

}  // namespace holdfast
