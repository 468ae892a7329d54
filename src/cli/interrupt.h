// Ctrl-C as a question instead of an end.
#pragma once

namespace holdfast::cli {

// While one lives, SIGINT only sets a flag (and interrupts a blocking read). At most one at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();  // SIGINT as it was
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // Whether it came since the last call.
  bool taken();
};

}  // namespace holdfast::cli
