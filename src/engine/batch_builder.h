// Mechanism: the rows of several sequences as one Batch.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/batch.h"

namespace holdfast {

class BatchBuilder {
 public:
  void clear();
  // Appends rows for `tokens`, which continue `cached` tokens of their sequence. Logits of
  // the last `logits` of them are wanted. `pages` must live as long as the batch.
  void add(std::span<const int32_t> tokens, int32_t cached, std::span<const int32_t> pages,
           int32_t logits);
  // Valid until the next clear() or add().
  Batch batch() const { return {tokens_, positions_, slices_, logit_rows_}; }

 private:
  std::vector<int32_t> tokens_, positions_, logit_rows_;
  std::vector<SequenceSlice> slices_;
};

}  // namespace holdfast
