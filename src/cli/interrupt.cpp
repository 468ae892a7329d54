#include "cli/interrupt.h"

#include <csignal>

namespace holdfast::cli {

namespace {

volatile std::sig_atomic_t came = 0;
struct sigaction before;

void note(int) { came = 1; }

}  // namespace

Interrupt::Interrupt() {
  came = 0;
  struct sigaction action = {};
  action.sa_handler = note;  // without SA_RESTART: a read() in the line editor ends
  sigaction(SIGINT, &action, &before);
}

Interrupt::~Interrupt() { sigaction(SIGINT, &before, nullptr); }

bool Interrupt::taken() {
  const bool yes = came != 0;
  came = 0;
  return yes;
}

}  // namespace holdfast::cli
