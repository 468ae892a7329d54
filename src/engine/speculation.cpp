#include "engine/speculation.h"

#include <algorithm>

namespace holdfast {

namespace {

// The longest ending that is looked for, and the shortest that is worth a guess.
constexpr int64_t kLongest = 12, kShortest = 2;

class LookupDrafter final : public Drafter {
 public:
  void draft(std::span<DraftRequest> requests) override {
    for (DraftRequest& request : requests) look_up(request);
  }
  void forget(SequenceId) override {}

 private:
  // The latest of the places whose tokens before agree longest with the history's end.
  static void look_up(DraftRequest& request) {
    const std::span<const int32_t> history = request.history;
    const int64_t size = std::ssize(history);
    int64_t best = kShortest - 1, place = -1;
    for (int64_t end = size - 1; end > best && best < kLongest; --end) {
      int64_t common = 0;
      while (common < kLongest && common < end &&
             history[end - 1 - common] == history[size - 1 - common]) {
        ++common;
      }
      if (common > best) best = common, place = end;
    }
    if (place < 0) return;
    // Beyond the end of what is known, the guess repeats: the text may be periodic.
    for (int64_t i = 0; i < request.wanted; ++i)
      request.tokens.push_back(history[place + i % (size - place)]);
  }
};

constexpr int32_t kLongestPause = 32;

}  // namespace

std::unique_ptr<Drafter> make_lookup_drafter() { return std::make_unique<LookupDrafter>(); }

int32_t DraftPace::next() {
  if (pause_ == 0) return length_;
  --pause_;
  return 0;
}

void DraftPace::learn(int32_t drafted, int32_t accepted) {
  if (drafted == 0) return;
  if (accepted == 0) {
    length_ = 1;
    ++misses_;
    pause_ = misses_ > 1 ? std::min(1 << std::min(misses_ - 1, 16), kLongestPause) : 0;
    return;
  }
  misses_ = 0;
  length_ = accepted == drafted ? std::min(most_, std::max(length_, 2 * drafted))
                                : std::min(most_, accepted + 1);
}

}  // namespace holdfast
