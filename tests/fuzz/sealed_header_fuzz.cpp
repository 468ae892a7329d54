// The header of a sealed file, of arbitrary bytes: refused, or one that is written back the same.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "seal/header.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  seal::HeaderBytes bytes{};
  std::copy_n(data, std::min(size, bytes.size()), bytes.begin());
  const auto header = seal::parse_header(bytes, "fuzz");
  if (!header) return 0;
  const std::vector<uint8_t> key(kKeyBytes, 7);
  const auto again = seal::write_header(*header, key);
  CHECK(again && std::equal(bytes.begin(), bytes.end() - 32, again->begin()));
  CHECK(seal::authentic(*again, *header, key));
  size_t length = 0;
  for (const seal::KeySlot& slot : header->slots) length += seal::describe(slot).size();
  CHECK(length > 0 && header->sealed_bytes() > seal::kHeaderBytes);
  return 0;
}
