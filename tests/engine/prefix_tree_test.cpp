#include "engine/prefix_tree.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

#include "engine/kv_pages.h"
#include "fake_model.h"

namespace holdfast {
namespace {

std::vector<int32_t> range(int32_t from, int32_t to) {
  std::vector<int32_t> v;
  for (int32_t i = from; i < to; ++i) v.push_back(i);
  return v;
}

TEST(PrefixTree, FindsTheLongestBeginning) {
  PagePool pool(10);
  PrefixTree tree(pool, 4);
  auto at = tree.root("");
  const int32_t a = tree.insert(at, range(0, 4), *pool.allocate());
  const int32_t b = tree.insert(at, range(4, 8), *pool.allocate());
  const int32_t c = *pool.allocate();
  tree.insert_tail(at, range(8, 10), c);

  const auto all = tree.find(tree.root(""), range(0, 12));
  EXPECT_EQ(all.pages, (std::vector<int32_t>{a, b}));
  EXPECT_EQ(all.tail_page, c);
  EXPECT_EQ(all.tail_tokens, 2);
  const auto part = tree.find(tree.root(""), range(0, 7));  // ends inside b
  EXPECT_EQ(part.pages, (std::vector<int32_t>{a}));
  EXPECT_EQ(part.tail_page, b);
  EXPECT_EQ(part.tail_tokens, 3);
  EXPECT_TRUE(tree.find(tree.root("other"), range(0, 12)).pages.empty());
  EXPECT_EQ(tree.find(tree.root("other"), range(0, 12)).tail_page, -1);
}

TEST(PrefixTree, KeepsOnePageForTheSameTokens) {
  PagePool pool(10);
  PrefixTree tree(pool, 4);
  auto first = tree.root("");
  const int32_t a = tree.insert(first, range(0, 4), *pool.allocate());
  auto second = tree.root("");
  EXPECT_EQ(tree.insert(second, range(0, 4), *pool.allocate()), a);
  EXPECT_EQ(pool.references(a), 3);  // the tree's and two holders'
  EXPECT_EQ(pool.free(), 9);
}

TEST(PrefixTree, EvictsWhatWasReleasedFirstAndLeavesFirst) {
  PagePool pool(4);
  PrefixTree tree(pool, 1);
  std::vector<std::vector<int32_t>> paths = {{1, 2}, {3, 4}};
  for (const auto& path : paths) {
    auto at = tree.root("");
    std::vector<int32_t> held;
    for (const int32_t token : path)
      held.push_back(tree.insert(at, std::span(&token, 1), *pool.allocate()));
    tree.release(held[1]);
    tree.release(held[0]);
  }
  EXPECT_EQ(tree.evictable(), 4);
  EXPECT_TRUE(tree.evict());
  EXPECT_EQ(tree.find(tree.root(""), paths[0]).pages.size(),
            1u);  // the leaf of the older path went
  EXPECT_EQ(tree.find(tree.root(""), paths[1]).pages.size(), 2u);
  EXPECT_TRUE(tree.evict() && tree.evict() && tree.evict());
  EXPECT_FALSE(tree.evict());
  EXPECT_EQ(pool.free(), 4);
}

TEST(PrefixTree, DearPagesAndThoseThatComeBackStayLonger) {
  PagePool pool(100);
  PrefixTree tree(pool, 1);
  tree.set_cost_of_depth(0.5);
  const auto put = [&](std::vector<int32_t> path) {
    auto at = tree.root("");
    std::vector<int32_t> held;
    for (const int32_t token : path) {
      const auto known = tree.find(at, std::span(&token, 1));
      if (known.pages.empty()) {
        held.push_back(tree.insert(at, std::span(&token, 1), *pool.allocate()));
      } else {
        held.push_back(known.pages[0]);
        tree.retain(held.back());
        at = known.cursor;
      }
    }
    while (!held.empty()) tree.release(held.back()), held.pop_back();
  };
  const auto known = [&](const std::vector<int32_t>& path) {
    return tree.find(tree.root(""), path).pages.size();
  };
  put({1, 2, 3, 4});  // deep, and the oldest
  put({10});          // used again
  put({20});
  put({10});
  put({30});
  EXPECT_TRUE(tree.evict() && tree.evict());
  EXPECT_EQ(known({20}), 0u);
  EXPECT_EQ(known({30}), 0u);
  EXPECT_EQ(known({10}), 1u);
  EXPECT_EQ(known({1, 2, 3, 4}), 4u);
  // But not for ever.
  for (int32_t i = 0; i < 30; ++i) {
    put({100 + i});
    EXPECT_TRUE(tree.evict());
  }
  EXPECT_LT(known({1, 2, 3, 4}), 4u);
  EXPECT_EQ(known({10}), 0u);
}

TEST(KvPages, DeclaredBeginningsAreSharedAndNothingBehindThem) {
  KvSpec spec;
  spec.page_tokens = 4;
  spec.pages = 60;
  test::FakeCache cache(spec);
  const std::vector<std::vector<int32_t>> declared = {range(0, 10), range(0, 3), range(0, 20)};
  KvPages kv(cache, declared);
  const auto serve = [&](const std::string& salt, const std::vector<int32_t>& tokens) {
    PageTable table;
    const int32_t found = kv.attach(table, salt, tokens);
    kv.publish(table, tokens, static_cast<int32_t>(tokens.size()), true);
    kv.release(table);
    return found;
  };
  const auto with = [](std::vector<int32_t> tokens, int32_t more) {
    for (int32_t i = 0; i < more; ++i) tokens.push_back(100 + i);
    return tokens;
  };
  EXPECT_EQ(kv.common_tokens(range(0, 19)), 8);
  EXPECT_EQ(kv.common_tokens(range(0, 20)), 20);
  EXPECT_EQ(kv.common_tokens(range(0, 7)), 0);
  EXPECT_EQ(kv.common_tokens(range(1, 30)), 0);
  const auto question = with(range(0, 10), 9);
  EXPECT_EQ(serve("a", question), 0);
  EXPECT_EQ(serve("a", question), 18);  // all but the last
  EXPECT_EQ(serve("b", question), 8);   // the whole pages of the beginning
  EXPECT_EQ(serve("b", question), 18);
  EXPECT_EQ(serve("c", range(0, 9)), 8);
  // The longer one is another beginning: what stands below the shorter one is not looked at.
  const auto longer = with(range(0, 20), 5);
  EXPECT_EQ(serve("a", longer), 0);
  EXPECT_EQ(serve("b", longer), 20);
  EXPECT_EQ(serve("b", longer), 24);
  // A part of a beginning is nobody's but the salt's.
  EXPECT_EQ(serve("a", range(0, 7)), 0);
  EXPECT_EQ(serve("b", range(0, 7)), 0);
  EXPECT_EQ(serve("a", range(0, 7)), 6);
  EXPECT_EQ(kv.available(), kv.total());
}

// Random sequences that start, grow, publish and end over few pages. Each one's slots must always
// read back as its own tokens, and in the end every page is free or kept by the tree alone.
TEST(KvPages, HoldEachSequencesTokensUnderRandomLoad) {
  for (const int32_t page_tokens : {1, 3, 8}) {
    KvSpec spec;
    spec.page_tokens = page_tokens;
    spec.pages = 60;
    test::FakeCache cache(spec);
    // Some of the sequences begin as an operator has declared.
    const std::vector<std::vector<int32_t>> declared = {std::vector<int32_t>(2 * page_tokens, 1)};
    KvPages kv(cache, declared);
    std::mt19937 random(page_tokens);
    struct Live {
      std::string salt;
      std::vector<int32_t> tokens;
      int32_t cached = 0;
      PageTable table;
    };
    std::vector<Live> live;
    const auto slot = [&](const Live& s, int32_t i) -> int32_t& {
      return cache.slot(s.table.pages[i / page_tokens], i % page_tokens);
    };
    int64_t found = 0;
    for (int step = 0; step < 20000; ++step) {
      const uint32_t what = random() % 10;
      if (what < 3 && live.size() < 6) {  // a new one, from few different beginnings
        Live s;
        s.salt = random() % 3 ? "a" : "b";
        const int32_t start = random() % 2;
        for (uint32_t n = 1 + random() % (5 * page_tokens); n > 0; --n)
          s.tokens.push_back(random() % 6 ? start : static_cast<int32_t>(random() % 5));
        const auto known = kv.look_up(s.salt, s.tokens);
        if (known.cost > kv.available()) continue;
        const int32_t before = kv.available();
        s.cached = kv.attach(s.table, s.salt, s.tokens);
        ASSERT_EQ(kv.available(), before - known.cost);
        ASSERT_LT(s.cached, static_cast<int32_t>(s.tokens.size()));
        found += s.cached;
        live.push_back(std::move(s));
      } else if (!live.empty()) {
        const size_t i = random() % live.size();
        Live& s = live[i];
        if (what == 9) {
          if (random() % 2) kv.publish(s.table, s.tokens, s.cached, true);
          kv.release(s.table);
          live.erase(live.begin() + static_cast<std::ptrdiff_t>(i));
          continue;
        }
        if (s.cached == static_cast<int32_t>(s.tokens.size()))
          s.tokens.push_back(static_cast<int32_t>(random() % 5));
        if (!kv.grow(s.table, static_cast<int64_t>(s.tokens.size()))) {
          s.tokens.pop_back();
          continue;
        }
        for (; s.cached < static_cast<int32_t>(s.tokens.size()); ++s.cached)
          slot(s, s.cached) = s.tokens[s.cached];  // as kv_append does
        kv.publish(s.table, s.tokens, s.cached, random() % 2);
      }
      if (step % 10 == 0) {
        for (const Live& s : live) {
          for (int32_t i = 0; i < s.cached; ++i) ASSERT_EQ(slot(s, i), s.tokens[i]);
        }
      }
    }
    EXPECT_GT(found, 100);
    for (Live& s : live) kv.release(s.table);
    EXPECT_EQ(kv.available(), kv.total());
  }
}

}  // namespace
}  // namespace holdfast
