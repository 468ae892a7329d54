// Token spellings by id, and ids by spelling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

// Spellings are byte strings, kept in one block; the index is an open-addressing hash table,
// because one lookup for each word of a prompt is most of what encoding does.
class Vocabulary {
 public:
  void reserve(std::size_t tokens, std::size_t bytes);
  // Gives `spelling` the next id and returns that; find() does not know it yet.
  int32_t add(std::string_view spelling);
  // Lets find() return `id`. The first id of equal spellings stays.
  void index(int32_t id);

  int32_t size() const { return static_cast<int32_t>(starts_.size()) - 1; }
  // Valid until the next add(). `id` must be in [0, size()).
  std::string_view spelling(int32_t id) const {
    const uint64_t start = starts_[static_cast<std::size_t>(id)];
    return std::string_view(bytes_).substr(start,
                                           starts_[static_cast<std::size_t>(id) + 1] - start);
  }
  std::optional<int32_t> find(std::string_view spelling) const;
  std::size_t longest() const { return longest_; }  // bytes, of what find() knows

 private:
  struct Slot {
    uint32_t hash = 0;
    int32_t id = -1;  // -1: free
  };
  void grow(std::size_t slots);

  std::string bytes_;
  std::vector<uint64_t> starts_{0};
  std::vector<Slot> slots_;  // a power of two, at most half full
  std::size_t used_ = 0;
  std::size_t longest_ = 0;  // bytes of the longest indexed spelling
};

}  // namespace holdfast
