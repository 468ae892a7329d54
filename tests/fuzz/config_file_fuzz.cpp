// holdfast.yaml: whatever its bytes, it is refused with a place or gives settings for options.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "server/config_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  const auto settings = parse_config({reinterpret_cast<const char*>(data), size}, "holdfast.yaml");
  if (!settings) {
    CHECK(settings.error().where.starts_with("holdfast.yaml"));
    return 0;
  }
  for (const Setting& setting : *settings) {
    CHECK(!setting.values.empty() &&
          (setting.option.starts_with("--") || setting.option == "MODEL"));
  }
  return 0;
}
