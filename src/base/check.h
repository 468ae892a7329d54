// CHECK(condition) << message: our own mistakes end the process, in release builds too.
#pragma once

#include <sstream>

namespace holdfast::internal {

class CheckFailure {
 public:
  CheckFailure(const char* condition, const char* file, int line);
  [[noreturn]] ~CheckFailure();  // prints what was streamed in and aborts
  std::ostream& stream() { return text_; }

 private:
  std::ostringstream text_;
};

// Binds weaker than << and makes both arms of ?: void.
struct Voidify {
  void operator&(std::ostream&) {}
};

}  // namespace holdfast::internal

#define CHECK(condition)                          \
  (condition) ? (void)0                           \
              : ::holdfast::internal::Voidify() & \
                    ::holdfast::internal::CheckFailure(#condition, __FILE__, __LINE__).stream()
