// One step's work: the ragged rows of several sequences, prefill chunks and decode rows together.
#pragma once

#include <cstdint>
#include <span>

namespace holdfast {

// The rows [row_begin, row_end) of a batch that belong to one sequence. They continue it: `cached`
// tokens of it already stand in the KV cache, and row r holds position cached + (r - row_begin).
struct SequenceSlice {
  int32_t row_begin = 0, row_end = 0;
  int32_t cached = 0;
  std::span<const int32_t>
      pages;  // page table: token t lies in pages[t / page_tokens], slot t % page_tokens;
              // long enough for cached + (row_end - row_begin) tokens
};

struct Batch {
  std::span<const int32_t> tokens;     // [rows]
  std::span<const int32_t> positions;  // [rows]
  std::span<const SequenceSlice> sequences;
  std::span<const int32_t> logit_rows;  // rows whose logits are wanted, ascending
  bool hidden = false;  // the final hidden states of these rows are wanted instead of logits
};

}  // namespace holdfast
