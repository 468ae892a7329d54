#include "engine/prefix_tree.h"

#include <algorithm>

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

PrefixTree::Cursor PrefixTree::root(std::string_view salt) {
  auto found = roots_.find(salt);
  if (found == roots_.end()) found = roots_.emplace(std::string(salt), Children{}).first;
  Cursor cursor;
  cursor.children_ = &found->second;
  return cursor;
}

PrefixTree::Match PrefixTree::find(std::string_view salt, std::span<const int32_t> tokens) {
  Match match;
  match.cursor = root(salt);
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
    match.cursor.children_ = &nodes_[page].children;
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
    add(*at.children_, tokens, page);
  }
  at.children_ = &nodes_[page].children;
  return page;
}

void PrefixTree::insert_tail(Cursor at, std::span<const int32_t> tokens, int32_t page) {
  if (!tokens.empty()) add(*at.children_, tokens, page);
}

int32_t PrefixTree::add(Children& children, std::span<const int32_t> tokens, int32_t page) {
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
  node.self = children.emplace(std::vector<int32_t>(tokens.begin(), tokens.end()), page).first;
  pool_.retain(page);
  return page;
}

void PrefixTree::remove(int32_t page) {
  Node& node = nodes_[page];
  CHECK(node.children.empty()) << "page " << page << " has pages below it";
  if (node.listed) unlist(page);
  node.siblings->erase(node.self);
  node.siblings = nullptr;
  pool_.release(page);
}

void PrefixTree::retain(int32_t page) {
  if (nodes_[page].listed) unlist(page);
  pool_.retain(page);
}

void PrefixTree::release(int32_t page) {
  if (pool_.release(page) == 1 && nodes_[page].siblings != nullptr) list(page);
}

bool PrefixTree::evict() {
  if (oldest_ < 0) return false;
  remove(oldest_);
  return true;
}

void PrefixTree::list(int32_t page) {
  Node& node = nodes_[page];
  node.listed = true;
  node.older = newest_;
  node.newer = -1;
  (newest_ < 0 ? oldest_ : nodes_[newest_].newer) = page;
  newest_ = page;
  ++evictable_;
}

void PrefixTree::unlist(int32_t page) {
  Node& node = nodes_[page];
  node.listed = false;
  (node.older < 0 ? oldest_ : nodes_[node.older].newer) = node.newer;
  (node.newer < 0 ? newest_ : nodes_[node.newer].older) = node.older;
  --evictable_;
}

}  // namespace holdfast
