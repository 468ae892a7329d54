// A string that remembers which of its bytes the template's author wrote.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::jinja {

// UTF-8 bytes in runs of equal trust: text of the template itself is trusted, text that came from
// messages, tools or variables is not. Every operation that keeps bytes keeps their trust, so that
// a special token spelled by a user never becomes one, however the template cuts and joins it.
// Offsets are bytes.
class Text {
 public:
  Text() = default;
  Text(std::string bytes, bool trusted) : bytes_(std::move(bytes)), first_trusted_(trusted) {}

  const std::string& bytes() const { return bytes_; }
  std::string_view view() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  bool trusted_at(size_t at) const;
  // All of it; an empty text is what its maker said.
  bool all_trusted() const { return first_trusted_ && cuts_.empty(); }

  void reserve(size_t size) { bytes_.reserve(size); }
  void append(std::string_view bytes, bool trusted);
  void append(const Text& other) { append(other, 0, other.size()); }
  void append(const Text& other, size_t begin, size_t end);
  Text slice(size_t begin, size_t end) const;

  // visit(bytes, trusted) for each run from the left; no run is empty.
  template <class Visit>
  void for_each_run(Visit visit) const {
    bool trusted = first_trusted_;
    size_t begin = 0;
    for (size_t cut : cuts_) {
      visit(view().substr(begin, cut - begin), trusted);
      begin = cut;
      trusted = !trusted;
    }
    if (begin < size()) visit(view().substr(begin), trusted);
  }

  // Jinja's Markup: `+` and `*`-like operators escape HTML in what joins it (see the filters safe
  // and escape).
  bool markup = false;

 private:
  std::string bytes_;
  std::vector<size_t> cuts_;  // where trust flips, rising, each inside (0, size)
  bool first_trusted_ = false;
};

}  // namespace holdfast::jinja
