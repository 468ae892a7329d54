// A manifest of arbitrary bytes, as a bundle and as a statement: what parses is written back the
// same in meaning.

#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "files/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto bundle = parse_bundle(text, "fuzz")) {
    const auto again = parse_bundle(write_bundle(*bundle), "fuzz");
    CHECK(again && again->payload == bundle->payload && again->signature == bundle->signature);
    (void)parse_statement(bundle->payload, "fuzz");
  }
  if (const auto manifest = parse_statement(text, "fuzz")) {
    const auto again = parse_statement(write_statement(*manifest), "fuzz");
    CHECK(again && again->files == manifest->files);
  }
  return 0;
}
