// Who has had how much: tenants that wait for the same engine get computed tokens in proportion to
// their weights.
//
// The method is the Virtual Token Counter (Sheng et al., "Fairness in Serving Large Language
// Models", OSDI 2024, arXiv 2401.00588), which is start-time fair queueing (Goyal, Vin and Cheng,
// SIGCOMM 1996) with tokens for bytes. A tenant's counter grows by every token computed for it,
// divided by its weight; the least counter is served next. A tenant that had nothing in the line
// starts at the least counter of those that wait: quiet hours are not saved up, and nobody pays for
// having used an idle machine. For any time in which two tenants both have requests waiting, what
// they get over their weights differs by no more than what one step and one prompt may hold.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace holdfast {

// Not thread-safe.
class FairShare {
 public:
  struct Account {
    double counter = 0.0;  // tokens computed, over the weight
    double weight = 1.0;
    int32_t here = 0;     // sequences that wait or run
    int32_t waiting = 0;  // of them, in the line
  };

  // A sequence of the tenant has come, and waits. The account stays where it is until the last of
  // its sequences has left. weight > 0; the latest one holds.
  Account& arrive(std::string_view tenant, double weight);
  void start(Account& account);  // one that waited runs
  void stop(Account& account);   // one that ran waits again
  // `waited`: it was in the line when it left.
  void leave(Account& account, bool waited);
  // Computed for the tenant; below 0: given back.
  static void charge(Account& account, double tokens) {
    account.counter += tokens / account.weight;
  }

  // Tenants that are remembered; those gone and even are forgotten.
  size_t size() const { return accounts_.size(); }

 private:
  void join_line(Account& account);
  void advance();

  std::map<std::string, Account, std::less<>> accounts_;
  double now_ = 0.0;  // the least counter of those in the line, when last somebody started
};

}  // namespace holdfast
