#include "engine/kv_pages.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast {

namespace {

// Salts come from identities, whose names hold no such byte; so no caller's salt is one of these.
std::string common_root(int32_t beginning) {
  return std::string(1, '\0') + std::to_string(beginning);
}
std::string root_behind(int32_t beginning, std::string_view salt) {
  return common_root(beginning) + '\0' + std::string(salt);
}

}  // namespace

KvPages::KvPages(KvCache& cache, std::span<const std::vector<int32_t>> declared)
    : cache_(cache),
      page_tokens_(cache.spec().page_tokens),
      pool_(cache.spec().pages),
      tree_(pool_, page_tokens_) {
  for (const std::vector<int32_t>& tokens : declared) {
    const auto whole = std::ssize(tokens) / page_tokens_ * page_tokens_;
    if (whole > 0) declared_.emplace_back(tokens.begin(), tokens.begin() + whole);
  }
}

int32_t KvPages::declared_beginning(std::span<const int32_t> tokens) const {
  int32_t best = -1;
  for (int32_t i = 0; i < std::ssize(declared_); ++i) {
    const std::vector<int32_t>& beginning = declared_[i];
    if (beginning.size() > tokens.size()) continue;
    if (best >= 0 && beginning.size() <= declared_[best].size()) continue;
    if (std::equal(beginning.begin(), beginning.end(), tokens.begin())) best = i;
  }
  return best;
}

int32_t KvPages::common_tokens(std::span<const int32_t> tokens) const {
  const int32_t beginning = declared_beginning(tokens);
  return beginning < 0 ? 0 : static_cast<int32_t>(declared_[beginning].size());
}

PrefixTree::Match KvPages::find(std::string_view salt, std::span<const int32_t> tokens) {
  const int32_t beginning = declared_beginning(tokens);
  if (beginning < 0) return tree_.find(tree_.root(salt), tokens);
  const auto common = declared_[beginning].size();
  auto match = tree_.find(tree_.root(common_root(beginning)), tokens.first(common));
  const auto pages = static_cast<int32_t>(match.pages.size());
  if (pages * page_tokens_ < static_cast<int32_t>(common)) return match;
  auto rest = tree_.find(tree_.root(root_behind(beginning, salt), pages), tokens.subspan(common));
  match.pages.insert(match.pages.end(), rest.pages.begin(), rest.pages.end());
  match.unheld += rest.unheld;
  match.cursor = rest.cursor;
  match.tail_page = rest.tail_page;
  match.tail_tokens = rest.tail_tokens;
  return match;
}

// What comes now is the salt's own.
void KvPages::leave_common(PageTable& table) {
  if (table.common > 0 && table.published == table.common) {
    table.cursor = tree_.root(table.root, table.common);
  }
}

bool KvPages::allocate(int32_t* page) {
  auto got = pool_.allocate();
  if (!got && tree_.evict()) got = pool_.allocate();
  if (!got) return false;
  *page = *got;
  return true;
}

KvPages::Known KvPages::look_up(std::string_view salt, std::span<const int32_t> tokens) {
  const auto match = find(salt, tokens.first(tokens.size() - 1));
  const auto whole = static_cast<int32_t>(match.pages.size());
  return {whole * page_tokens_,
          pages_for(static_cast<int64_t>(tokens.size())) - whole + match.unheld};
}

int32_t KvPages::attach(PageTable& table, std::string_view salt, std::span<const int32_t> tokens) {
  CHECK(!table.attached) << "attached twice";
  const auto known = tokens.first(tokens.size() - 1);
  const auto match = find(salt, known);
  for (const int32_t page : match.pages) tree_.retain(page);
  table.pages = match.pages;
  table.published = static_cast<int32_t>(match.pages.size());
  table.cursor = match.cursor;
  table.attached = true;
  if (const int32_t beginning = declared_beginning(known); beginning >= 0) {
    table.common = pages_for(std::ssize(declared_[beginning]));
    table.root = root_behind(beginning, salt);
  }
  int32_t cached = table.published * page_tokens_;

  if (match.tail_page >= 0) {  // copy-on-write: held while the copy's page is found
    tree_.retain(match.tail_page);
    int32_t copy = -1;
    if (allocate(&copy)) {
      cache_.copy_page(match.tail_page, copy, match.tail_tokens);
      table.pages.push_back(copy);
      cached += match.tail_tokens;
    }
    tree_.release(match.tail_page);
  }
  CHECK(grow(table, static_cast<int64_t>(tokens.size())))
      << "attach without enough pages: " << available();
  return cached;
}

bool KvPages::grow(PageTable& table, int64_t tokens) {
  const auto wanted = static_cast<size_t>(pages_for(tokens));
  while (table.pages.size() < wanted) {
    int32_t page = -1;
    if (!allocate(&page)) return false;
    table.pages.push_back(page);
  }
  return true;
}

void KvPages::publish(PageTable& table, std::span<const int32_t> history, int32_t cached,
                      bool tail) {
  CHECK(static_cast<size_t>(cached) <= history.size()) << cached << " cached";
  const auto known = history.first(cached);
  while ((table.published + 1) * page_tokens_ <= cached) {
    leave_common(table);
    int32_t& page = table.pages[table.published];
    page = tree_.insert(table.cursor, known.subspan(table.published * page_tokens_, page_tokens_),
                        page);
    ++table.published;
  }
  const auto rest = known.subspan(table.published * page_tokens_);
  if (!tail || rest.empty()) return;
  leave_common(table);
  tree_.insert_tail(table.cursor, rest, table.pages[table.published]);
}

void KvPages::release(PageTable& table) {
  // Last to first: see the tree's reference rule.
  for (size_t i = table.pages.size(); i-- > 0;) tree_.release(table.pages[i]);
  table = {};
}

}  // namespace holdfast
