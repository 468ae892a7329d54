#include "engine/dry_penalty.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <utility>

#include "base/check.h"

namespace holdfast {

namespace {

constexpr int64_t kLongestMatch = 50;
constexpr double kMostPenalty = 1e30;  // stays a number in float

}  // namespace

DryPenalty::DryPenalty(const DryParams& params, std::shared_ptr<const TokenBytes> tokens,
                       std::span<const int32_t> prompt)
    : params_(params), tokens_(std::move(tokens)) {
  CHECK(tokens_ != nullptr) << "sequence breakers without the bytes of tokens";
  if (!params.sequence_breakers.empty()) breakers_.emplace(params.sequence_breakers);
  history_.reserve(prompt.size());
  breaks_.reserve(prompt.size());
  for (const int32_t token : prompt) accept(token);
}

void DryPenalty::accept(int32_t token) {
  const std::string_view bytes = tokens_->of(token);
  bool breaks = bytes.empty();
  if (breakers_) {
    const ByteAutomaton::Walk walk = breakers_->walk(state_, bytes);
    state_ = walk.state;
    breaks |= walk.found;
  }
  history_.push_back(token);
  breaks_.push_back(breaks ? 1 : 0);
}

void DryPenalty::apply(std::span<float> logits) const {
  const int64_t size = std::ssize(history_);
  const int64_t begin =
      params_.last_n < 0 ? 0 : std::max<int64_t>(0, size - int64_t{params_.last_n});
  if (size - begin < 2 || breaks_.back() != 0) return;
  std::unordered_map<int32_t, int64_t> longest;
  const auto end = history_.end() - 1;
  for (auto at = history_.begin() + begin;; ++at) {
    at = std::find(at, end, history_.back());
    if (at == end) break;
    const int64_t place = at - history_.begin();
    if (breaks_[static_cast<size_t>(place + 1)] != 0) continue;
    int64_t length = 1;
    while (length < kLongestMatch && place - length >= begin) {
      const auto there = static_cast<size_t>(place - length);
      const auto here = static_cast<size_t>(size - 1 - length);
      if (history_[there] != history_[here] || (breaks_[there] | breaks_[here]) != 0) break;
      ++length;
    }
    int64_t& best = longest[history_[static_cast<size_t>(place + 1)]];
    best = std::max(best, length);
  }
  // One token's logit each: their order does not matter.
  for (const auto& [token, length] : longest) {
    if (length < params_.allowed_length) continue;
    const double penalty =
        double{params_.multiplier} *
        std::pow(double{params_.base}, static_cast<double>(length - params_.allowed_length));
    logits[static_cast<size_t>(token)] -= static_cast<float>(std::min(penalty, kMostPenalty));
  }
}

}  // namespace holdfast
