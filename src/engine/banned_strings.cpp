#include "engine/banned_strings.h"

#include <limits>
#include <utility>

#include "base/check.h"

namespace holdfast {

BannedStrings::BannedStrings(std::span<const std::string> strings,
                             std::shared_ptr<const TokenBytes> tokens)
    : tokens_(std::move(tokens)), automaton_(strings) {
  CHECK(tokens_ != nullptr) << "banned strings without the bytes of tokens";
  std::vector<int32_t>& out = out_[ByteAutomaton::kStart];
  for (int32_t token = 0; token < tokens_->size(); ++token) {
    if (automaton_.walk(ByteAutomaton::kStart, tokens_->of(token)).found) out.push_back(token);
  }
}

const std::vector<int32_t>& BannedStrings::out_in(State state) const {
  const auto [entry, fresh] = out_.try_emplace(state);
  if (!fresh) return entry->second;
  for (int byte = 0; byte < 256; ++byte) {
    const auto first = static_cast<unsigned char>(byte);
    // From here this byte leads where it leads from the start: nothing new.
    if (automaton_.next(state, first) == automaton_.next(ByteAutomaton::kStart, first)) continue;
    for (const int32_t token : tokens_->starting_with(first)) {
      if (automaton_.walk(state, tokens_->of(token)).found) entry->second.push_back(token);
    }
  }
  return entry->second;
}

void BannedStrings::mask(std::span<float> logits) const {
  const auto take_out = [&](const std::vector<int32_t>& tokens) {
    for (const int32_t token : tokens) {
      if (static_cast<size_t>(token) < logits.size())
        logits[static_cast<size_t>(token)] = -std::numeric_limits<float>::infinity();
    }
  };
  take_out(out_.at(ByteAutomaton::kStart));
  if (state_ != ByteAutomaton::kStart) take_out(out_in(state_));
}

void BannedStrings::accept(int32_t token) {
  state_ = automaton_.walk(state_, tokens_->of(token)).state;
}

}  // namespace holdfast
