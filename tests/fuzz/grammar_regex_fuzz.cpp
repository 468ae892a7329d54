// Regular expressions: any bytes give a program within its bounds, or an error that says something;
// what the program's own masks allow, it accepts.
#include "grammar_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return holdfast::fuzz_grammar(holdfast::grammar::Notation::kRegex, data, size);
}
