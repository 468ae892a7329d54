#include "engine/prefix_tree.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace holdfast {

namespace {

int32_t common_length(std::span<const int32_t> a, std::span<const int32_t> b) {
  const auto [end, unused] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<int32_t>(end - a.begin());
}

}  // namespace

PrefixTree::PrefixTree(PagePool& pool, int32_t page_tokens)
    : pool_(pool), page_tokens_(page_tokens), nodes_(pool.total()) {}

PrefixTree::Cursor PrefixTree::root(std::string_view salt, int32_t depth) {
  auto found = roots_.find(salt);
  if (found == roots_.end()) found = roots_.emplace(std::string(salt), Children{}).first;
  Cursor cursor;
  cursor.children_ = &found->second;
  cursor.depth_ = depth;
  return cursor;
}

PrefixTree::Cursor PrefixTree::below(const Cursor& at, int32_t page) {
  Cursor cursor;
  cursor.children_ = &nodes_[page].children;
  cursor.page_ = page;
  cursor.depth_ = at.depth_ + 1;
  return cursor;
}

PrefixTree::Match PrefixTree::find(const Cursor& from, std::span<const int32_t> tokens) {
  Match match;
  match.cursor = from;
  while (true) {
    Children& children = *match.cursor.children_;
    const auto rest = tokens.subspan(match.pages.size() * page_tokens_);
    const auto next = rest.first(std::min<size_t>(rest.size(), page_tokens_));
    // In lexicographic order, the edge that shares most with `next` is a neighbour of its place.
    const auto above = children.lower_bound(next);
    int32_t best = 0, page = -1;
    const auto consider = [&](Children::const_iterator edge) {
      const int32_t common = common_length(edge->first, next);
      if (common > best) best = common, page = edge->second;
    };
    if (above != children.end()) consider(above);
    if (above != children.begin()) consider(std::prev(above));

    if (best < page_tokens_) {
      match.tail_page = page;
      match.tail_tokens = best;
      return match;
    }
    match.pages.push_back(page);
    if (pool_.references(page) == 1) ++match.unheld;
    match.cursor = below(match.cursor, page);
  }
}

int32_t PrefixTree::insert(Cursor& at, std::span<const int32_t> tokens, int32_t page) {
  CHECK(static_cast<int32_t>(tokens.size()) == page_tokens_) << tokens.size() << " tokens";
  const auto same = at.children_->find(tokens);
  if (same != at.children_->end() && same->second != page) {
    const int32_t ours = same->second;
    retain(ours);
    release(page);
    page = ours;
  } else {
    add(at, tokens, page);
  }
  at = below(at, page);
  return page;
}

void PrefixTree::insert_tail(Cursor at, std::span<const int32_t> tokens, int32_t page) {
  if (!tokens.empty()) add(at, tokens, page);
}

int32_t PrefixTree::add(const Cursor& at, std::span<const int32_t> tokens, int32_t page) {
  Children& children = *at.children_;
  const auto above = children.lower_bound(tokens);
  if (above != children.end() &&
      common_length(above->first, tokens) == static_cast<int32_t>(tokens.size())) {
    return above->second;  // known, to here or further
  }
  if (above != children.begin()) {
    const auto below = std::prev(above);
    // A tail that this one continues says nothing more.
    if (common_length(below->first, tokens) == static_cast<int32_t>(below->first.size())) {
      remove(below->second);
    }
  }
  // The same page may stand here as an earlier tail of other tokens only if its owner rewrote it,
  // which owners never do.
  Node& node = nodes_[page];
  CHECK(node.siblings == nullptr) << "page " << page << " is in the tree already";
  node.siblings = &children;
  node.parent = at.page_;
  node.depth = at.depth_;
  node.uses = 0;
  node.self = children.emplace(std::vector<int32_t>(tokens.begin(), tokens.end()), page).first;
  pool_.retain(page);
  return page;
}

void PrefixTree::remove(int32_t page) {
  Node& node = nodes_[page];
  CHECK(node.children.empty()) << "page " << page << " has pages below it";
  if (node.unheld) take(page);
  node.siblings->erase(node.self);
  node.siblings = nullptr;
  if (node.parent >= 0) {
    const Node& parent = nodes_[node.parent];
    if (parent.unheld && parent.children.empty()) leaves_.insert(parent.worth);
  }
  pool_.release(page);
}

void PrefixTree::retain(int32_t page) {
  Node& node = nodes_[page];
  if (node.unheld) take(page);
  ++node.uses;
  pool_.retain(page);
}

void PrefixTree::release(int32_t page) {
  if (pool_.release(page) == 1 && nodes_[page].siblings != nullptr) let_go(page);
}

void PrefixTree::let_go(int32_t page) {
  Node& node = nodes_[page];
  const double filled =
      static_cast<double>(node.self->first.size()) / static_cast<double>(page_tokens_);
  const double cost = filled * (1.0 + cost_of_depth_ * node.depth);
  // Doubling the uses adds as much as the first: what was once popular goes in the end.
  const auto times = static_cast<double>(std::bit_width(static_cast<uint32_t>(node.uses) + 1));
  node.worth = {mark_ + cost * times, ++releases_, page};
  node.unheld = true;
  ++evictable_;
  if (node.children.empty()) leaves_.insert(node.worth);
}

void PrefixTree::take(int32_t page) {
  Node& node = nodes_[page];
  leaves_.erase(node.worth);
  node.unheld = false;
  --evictable_;
}

bool PrefixTree::evict() {
  if (leaves_.empty()) return false;
  const auto [worth, released, page] = *leaves_.begin();
  mark_ = std::max(mark_, worth);
  remove(page);
  return true;
}

}  // namespace holdfast
