// Memory of a step: handed out by moving a pointer, all given back at once, kept for the next step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace holdfast::cpu {

// Not thread-safe. Pointers are aligned to 64 bytes and valid until reset().
class Arena {
 public:
  Arena() = default;
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  void* allocate(int64_t bytes);
  template <class T>
  T* array(int64_t n) {
    return static_cast<T*>(allocate(n * static_cast<int64_t>(sizeof(T))));
  }
  // Frees nothing, except that several blocks become one of their total size.
  void reset();

  // Everything allocated after `mark` is given back by `release`, as long as reset() was not
  // called.
  struct Mark {
    std::size_t block;
    int64_t used;
  };
  Mark mark() const { return {current_, used_}; }
  void release(Mark mark) {
    current_ = mark.block;
    used_ = mark.used;
  }

 private:
  struct Block {
    std::byte* data;
    int64_t size;
  };
  std::vector<Block> blocks_;
  std::size_t current_ = 0;  // the block we take from
  int64_t used_ = 0;         // bytes taken of it
};

}  // namespace holdfast::cpu
