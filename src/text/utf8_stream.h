// Holds back the bytes of an unfinished UTF-8 character, so that a stream never splits one.
#pragma once

#include <string>
#include <string_view>

namespace holdfast {

class Utf8Stream {
 public:
  // Takes the bytes of the next token; returns what is complete. Bytes that can never become valid
  // UTF-8 come out as U+FFFD, one for each maximal invalid part (Unicode 15, section 3.9).
  std::string push(std::string_view bytes);
  // The end: what is held back comes out as U+FFFD.
  std::string finish();

 private:
  std::string held_;
};

}  // namespace holdfast
