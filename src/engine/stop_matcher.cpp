#include "engine/stop_matcher.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace holdfast {

StopMatcher::StopMatcher(const std::vector<std::string>& stops) {
  for (const std::string& stop : stops) {
    CHECK(!stop.empty()) << "an empty stop string";
    Pattern pattern{stop, std::vector<int32_t>(stop.size(), 0)};
    for (size_t i = 1; i < stop.size(); ++i) {
      int32_t k = pattern.failure[i - 1];
      while (k > 0 && stop[i] != stop[k]) k = pattern.failure[k - 1];
      pattern.failure[i] = stop[i] == stop[k] ? k + 1 : 0;
    }
    patterns_.push_back(std::move(pattern));
  }
}

std::string StopMatcher::push(std::string_view text) {
  if (matched()) return {};
  if (patterns_.empty()) return std::string(text);
  int32_t partial = 0;  // bytes at the end that may become a stop string
  for (const Pattern& p : patterns_) partial = std::max(partial, p.length);
  for (const char byte : text) {
    held_.push_back(byte);
    partial = 0;
    int32_t complete = 0;
    for (Pattern& p : patterns_) {
      while (p.length > 0 && byte != p.text[p.length]) p.length = p.failure[p.length - 1];
      if (byte == p.text[p.length]) ++p.length;
      partial = std::max(partial, p.length);
      if (p.length == static_cast<int32_t>(p.text.size())) complete = std::max(complete, p.length);
    }
    if (complete > 0) {
      found_ = held_.substr(held_.size() - complete);
      return held_.substr(0, held_.size() - complete);
    }
  }
  std::string out = held_.substr(0, held_.size() - partial);
  held_.erase(0, out.size());
  return out;
}

std::string StopMatcher::finish() {
  return matched() ? std::string() : std::exchange(held_, std::string());
}

}  // namespace holdfast
