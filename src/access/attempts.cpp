#include "access/attempts.h"

#include <algorithm>

#include <boost/asio/ip/address.hpp>

namespace holdfast {

namespace {

std::string network_of(const std::string& peer) {
  boost::system::error_code ec;
  const auto address = boost::asio::ip::make_address(peer, ec);
  if (ec || !address.is_v6()) return peer;
  auto bytes = address.to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0));
  return boost::asio::ip::address_v6(bytes).to_string();
}

}  // namespace

Attempts::Verdict Attempts::fail(const std::string& peer, int64_t now) {
  const int64_t minute = now / 60;
  const std::lock_guard lock(mutex_);
  if (peers_.size() >= kMaxPeers) {
    std::erase_if(peers_, [&](const auto& entry) { return entry.second.minute < minute; });
    // All within this minute: a flood. Beginning anew forgets less than it costs to remember.
    if (peers_.size() >= kMaxPeers) peers_.clear();
  }
  Count& count = peers_[network_of(peer)];
  if (count.minute != minute) count = {minute, 0};
  ++count.failures;
  return {count.failures > kPerMinute ? (minute + 1) * 60 - now : 0,
          count.failures <= kPerMinute + 1};
}

}  // namespace holdfast
