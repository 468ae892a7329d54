// The regular expressions that tokenizers split text with.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast {

// A pattern in the common part of Oniguruma's syntax (which tokenizer.json files are written for)
// and PCRE2's, compiled by PCRE2 with its JIT. Thread-safe: const after compile.
class Regex {
 public:
  // unimplemented naming the first construct that the two engines might read differently;
  // invalid_argument with PCRE2's message for a malformed pattern or one that matches nothing at
  // all (the empty text).
  static Result<Regex> compile(std::string_view pattern);

  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  struct Match {
    std::size_t begin, end;  // bytes
  };
  // Searches one text from left to right; `text`, which must be valid UTF-8, outlives it. Not
  // thread-safe itself: each thread makes its own.
  class Scan {
   public:
    Scan(const Regex& regex, std::string_view text);
    ~Scan();
    Scan(const Scan&) = delete;
    Scan& operator=(const Scan&) = delete;
    // The next match; nothing at the end, or when the pattern takes too many steps on this text.
    std::optional<Match> next();
    // The same scan's working memory on another text.
    void restart(std::string_view text);

   private:
    const Regex& regex_;
    std::string_view text_;
    std::size_t at_ = 0;
    struct Memory;
    std::unique_ptr<Memory> memory_;
  };

 private:
  struct Compiled;
  explicit Regex(std::unique_ptr<Compiled> code);
  std::unique_ptr<Compiled> code_;
};

// What compile() hands to PCRE2 for `pattern`; for tests.
Result<std::string> to_pcre2(std::string_view pattern);

}  // namespace holdfast
