#include "engine/waiting_line.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/check.h"

namespace holdfast {

namespace {

constexpr int64_t kTimesFree = 4;    // places of one tenant, per free place
constexpr double kMemory = 10.0;     // seconds over which the rate is averaged
constexpr double kNewAnswer = 0.05;  // weight of the latest answer's length
constexpr double kLongestRetry = 600.0;

tl::unexpected<Error> refuse(Code code, std::string message, double wait) {
  return fail(code, std::move(message), "",
              fmt::format("try again in about {} s", retry_after_seconds(wait)));
}

}  // namespace

int64_t retry_after_seconds(double wait) {
  return static_cast<int64_t>(std::clamp(std::ceil(wait), 1.0, kLongestRetry));
}

Status WaitingLine::enter(std::string_view tenant, int64_t tokens, std::optional<double> patience) {
  const std::lock_guard lock(mutex_);
  const double wait = this->wait();
  const bool too_many_tokens =
      limits_.tokens > 0 && requests_ > 0 && tokens_ + tokens > limits_.tokens;
  if (requests_ >= limits_.requests || too_many_tokens) {
    ++refused_;
    return refuse(
        Code::kUnavailable,
        fmt::format("the line is full: {} requests of {} tokens wait", requests_, tokens_), wait);
  }
  auto own = of_tenant_.find(tenant);
  const int64_t mine = own == of_tenant_.end() ? 0 : own->second;
  const int64_t free = limits_.requests - requests_;
  if (mine >= kTimesFree * free) {
    ++refused_;
    return refuse(Code::kResourceExhausted,
                  fmt::format("{} of your requests wait already, and only {} places in the line "
                              "are free",
                              mine, free),
                  wait);
  }
  if (patience && wait > *patience) {
    ++refused_;
    return refuse(Code::kUnavailable,
                  fmt::format("this request would wait {:.0f} s, and has {:.0f} s in all", wait,
                              std::max(0.0, *patience)),
                  wait);
  }
  if (own == of_tenant_.end()) own = of_tenant_.emplace(std::string(tenant), 0).first;
  ++own->second;
  ++requests_;
  tokens_ += tokens;
  return {};
}

void WaitingLine::leave(std::string_view tenant, int64_t tokens) {
  const std::lock_guard lock(mutex_);
  const auto own = of_tenant_.find(tenant);
  CHECK(own != of_tenant_.end() && requests_ > 0) << "left a line that it was not in";
  if (--own->second == 0) of_tenant_.erase(own);
  --requests_;
  tokens_ -= tokens;
}

void WaitingLine::computed(int64_t rows, double seconds) {
  if (rows <= 0 || !(seconds > 0)) return;
  const double rate = static_cast<double>(rows) / seconds;
  const std::lock_guard lock(mutex_);
  if (rows_per_second_ <= 0) {
    rows_per_second_ = rate;
  } else {
    rows_per_second_ += std::min(1.0, seconds / kMemory) * (rate - rows_per_second_);
  }
}

void WaitingLine::answered(int64_t tokens) {
  const std::lock_guard lock(mutex_);
  answer_tokens_ += kNewAnswer * (static_cast<double>(tokens) - answer_tokens_);
}

// The line moves as answers end; each that goes before takes its prompt and an answer.
double WaitingLine::wait() const {
  if (requests_ == 0 || rows_per_second_ <= 0) return 0.0;
  return (static_cast<double>(tokens_) + requests_ * answer_tokens_) / rows_per_second_;
}

WaitingLine::State WaitingLine::state() const {
  const std::lock_guard lock(mutex_);
  return {requests_, tokens_, wait(), refused_};
}

}  // namespace holdfast
