// Which tokens come out whole when their own spelling is encoded.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace holdfast {

// Most words of a text are tokens, and asking once saves merging each time. Filled while encoding;
// thread-safe, and the answers do not depend on who asked first.
class WordCache {
 public:
  explicit WordCache(int32_t tokens) : state_(static_cast<std::size_t>(tokens)) {}

  bool known_whole(int32_t id) const { return at(id).load(std::memory_order_relaxed) == 1; }
  void learn(int32_t id, bool whole) const {
    at(id).store(whole ? 1 : 2, std::memory_order_relaxed);
  }

 private:
  std::atomic<uint8_t>& at(int32_t id) const { return state_[static_cast<std::size_t>(id)]; }
  mutable std::vector<std::atomic<uint8_t>> state_;  // 0 not asked yet, 1 whole, 2 not
};

}  // namespace holdfast
