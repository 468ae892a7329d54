#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/check.h"
#include "text/unicode.h"

namespace holdfast {
namespace {

// Backtracking steps of one match. A tokenizer's own patterns need a few; only a hostile one gets
// here.
constexpr uint32_t kMatchLimit = 1'000'000;

}  // namespace

struct Regex::Compiled {
  pcre2_code* code = nullptr;
  bool jit = false;
  ~Compiled() { pcre2_code_free(code); }
};

struct Regex::Scan::Memory {
  pcre2_match_data* data = nullptr;
  pcre2_match_context* context = nullptr;
  ~Memory() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
  }
};

Regex::Regex(std::unique_ptr<Compiled> code) : code_(std::move(code)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::compile(std::string_view pattern) {
  if (!is_utf8(pattern) || pattern.size() > 100'000) {
    return fail(Code::kInvalidArgument, "the pattern is not UTF-8 or very long");
  }
  ASSIGN_OR_RETURN(const std::string source, to_pcre2(pattern));

  // Oniguruma's $ also stands before each \n (and only that), which PCRE2 calls multi-line.
  const std::unique_ptr<pcre2_compile_context, void (*)(pcre2_compile_context*)> context(
      pcre2_compile_context_create(nullptr), pcre2_compile_context_free);
  CHECK(context != nullptr) << "out of memory";
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE offset = 0;
  auto code = std::make_unique<Compiled>();
  code->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(source.data()), source.size(),
                             PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C,
                             &error, &offset, context.get());
  if (code->code == nullptr) {
    PCRE2_UCHAR text[256] = {};
    pcre2_get_error_message(error, text, sizeof text);
    return fail(Code::kInvalidArgument,
                "the pattern is malformed: " + std::string(reinterpret_cast<const char*>(text)),
                "pattern " + std::string(pattern.substr(0, 200)));
  }
  // A system that forbids executable memory runs without JIT.
  code->jit = pcre2_jit_compile(code->code, PCRE2_JIT_COMPLETE) == 0;

  uint32_t matches_empty = 1;
  pcre2_pattern_info(code->code, PCRE2_INFO_MATCHEMPTY, &matches_empty);
  if (matches_empty != 0) {
    return fail(Code::kUnimplemented, "the pattern can match the empty text",
                "pattern " + std::string(pattern.substr(0, 200)));
  }
  return Regex(std::move(code));
}

Regex::Scan::Scan(const Regex& regex, std::string_view text)
    : regex_(regex), text_(text), memory_(std::make_unique<Memory>()) {
  memory_->data = pcre2_match_data_create(1, nullptr);
  memory_->context = pcre2_match_context_create(nullptr);
  CHECK(memory_->data != nullptr && memory_->context != nullptr) << "out of memory";
  pcre2_set_match_limit(memory_->context, kMatchLimit);
  pcre2_set_heap_limit(memory_->context, 64 * 1024);  // KiB
}
Regex::Scan::~Scan() = default;

void Regex::Scan::restart(std::string_view text) {
  text_ = text;
  at_ = 0;
}

std::optional<Regex::Match> Regex::Scan::next() {
  if (at_ >= text_.size()) return std::nullopt;
  const auto subject = reinterpret_cast<PCRE2_SPTR>(text_.data());
  const Compiled& code = *regex_.code_;
  const int found = code.jit ? pcre2_jit_match(code.code, subject, text_.size(), at_,
                                               PCRE2_NO_UTF_CHECK, memory_->data, memory_->context)
                             : pcre2_match(code.code, subject, text_.size(), at_,
                                           PCRE2_NO_UTF_CHECK, memory_->data, memory_->context);
  if (found < 0) {
    at_ = text_.size();
    return std::nullopt;
  }
  const PCRE2_SIZE* range = pcre2_get_ovector_pointer(memory_->data);
  const Match match{range[0], range[1]};
  // An empty match would never advance (\K-like tricks are refused, but be sure).
  if (match.end <= at_ || match.end <= match.begin) {
    at_ = text_.size();
    return std::nullopt;
  }
  at_ = match.end;
  return match;
}

}  // namespace holdfast
