#include "engine/fair_share.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast {

FairShare::Account& FairShare::arrive(std::string_view tenant, double weight) {
  CHECK(weight > 0) << "a weight of " << weight;
  auto found = accounts_.find(tenant);
  if (found == accounts_.end()) found = accounts_.emplace(std::string(tenant), Account{}).first;
  Account& account = found->second;
  account.weight = weight;
  ++account.here;
  join_line(account);
  return account;
}

void FairShare::join_line(Account& account) {
  if (account.waiting == 0) {
    advance();
    account.counter = std::max(account.counter, now_);
  }
  ++account.waiting;
}

void FairShare::start(Account& account) {
  advance();
  --account.waiting;
}

void FairShare::stop(Account& account) { join_line(account); }

void FairShare::leave(Account& account, bool waited) {
  if (waited) --account.waiting;
  if (--account.here > 0) return;
  // Counters that are behind the line's say nothing that a new account would not.
  advance();
  std::erase_if(accounts_, [&](const auto& entry) {
    return entry.second.here == 0 && entry.second.counter <= now_;
  });
  const bool idle = std::all_of(accounts_.begin(), accounts_.end(),
                                [](const auto& entry) { return entry.second.here == 0; });
  if (!idle) return;
  accounts_.clear();  // nobody competed for what was computed last
  now_ = 0.0;
}

void FairShare::advance() {
  bool any = false;
  double least = 0.0;
  for (const auto& [name, account] : accounts_) {
    if (account.waiting == 0) continue;
    least = any ? std::min(least, account.counter) : account.counter;
    any = true;
  }
  if (any) now_ = std::max(now_, least);
}

}  // namespace holdfast
