#include "engine/batch_builder.h"

#include "base/check.h"

namespace holdfast {

void BatchBuilder::clear() {
  tokens_.clear();
  positions_.clear();
  logit_rows_.clear();
  slices_.clear();
}

void BatchBuilder::add(std::span<const int32_t> tokens, int32_t cached,
                       std::span<const int32_t> pages, int32_t logits) {
  CHECK(!tokens.empty() && logits <= std::ssize(tokens))
      << tokens.size() << " rows, logits of " << logits;
  const auto begin = static_cast<int32_t>(tokens_.size());
  const auto rows = static_cast<int32_t>(tokens.size());
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  for (int32_t i = 0; i < rows; ++i) positions_.push_back(cached + i);
  slices_.push_back({begin, begin + rows, cached, pages});
  for (int32_t i = rows - logits; i < rows; ++i) logit_rows_.push_back(begin + i);
}

}  // namespace holdfast
