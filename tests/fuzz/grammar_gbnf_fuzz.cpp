// GBNF: as grammar_regex.
#include "grammar_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return holdfast::fuzz_grammar(holdfast::grammar::Notation::kGbnf, data, size);
}
