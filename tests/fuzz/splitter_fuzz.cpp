// ThinkingSplitter: any cut of any text gives what the whole gives, and no more bytes than went in.
// Input: a byte of flags and the first cut, then the text.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "text/thinking_splitter.h"

namespace {

holdfast::SplitText split(bool inside, std::string_view text, size_t step) {
  holdfast::ThinkingSplitter splitter(inside);
  holdfast::SplitText all;
  const auto add = [&](const holdfast::SplitText& some) {
    all.reasoning += some.reasoning;
    all.content += some.content;
  };
  for (size_t i = 0; i < text.size(); i += step) add(splitter.push(text.substr(i, step)));
  add(splitter.finish());
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const bool inside = (data[0] & 1) != 0;
  const size_t step = 1 + (data[0] >> 1) % 16;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = split(inside, text, size);
  const auto cut = split(inside, text, step);
  if (whole.reasoning != cut.reasoning || whole.content != cut.content) std::abort();
  if (whole.reasoning.size() + whole.content.size() > text.size()) std::abort();
  return 0;
}
