#include "text/jinja/text.h"

#include <algorithm>

namespace holdfast::jinja {

bool Text::trusted_at(size_t at) const {
  const auto cuts_before = std::upper_bound(cuts_.begin(), cuts_.end(), at) - cuts_.begin();
  return first_trusted_ != (cuts_before % 2 == 1);
}

void Text::append(std::string_view bytes, bool trusted) {
  if (bytes.empty()) return;
  if (bytes_.empty()) {
    first_trusted_ = trusted;
  } else if ((first_trusted_ != (cuts_.size() % 2 == 1)) != trusted) {
    cuts_.push_back(bytes_.size());
  }
  bytes_ += bytes;
}

void Text::append(const Text& other, size_t begin, size_t end) {
  if (other.cuts_.empty()) {
    append(other.view().substr(begin, end - begin), other.first_trusted_);
    return;
  }
  size_t run = 0;
  other.for_each_run([&](std::string_view bytes, bool trusted) {
    const size_t from = std::max(begin, run), to = std::min(end, run + bytes.size());
    if (from < to) append(bytes.substr(from - run, to - from), trusted);
    run += bytes.size();
  });
}

Text Text::slice(size_t begin, size_t end) const {
  Text out;
  out.markup = markup;
  out.append(*this, begin, end);
  return out;
}

}  // namespace holdfast::jinja
