#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "text/jinja/json.h"
#include "text/jinja/unicode.h"

namespace holdfast::jinja {
namespace {

constexpr int kMaxJsonDepth = 128;

class Parser {
 public:
  Parser(std::string_view json, std::string_view what, Heap& heap)
      : json_(json), what_(what), heap_(heap) {}

  Result<Value> document() {
    if (!is_valid_utf8(json_)) return bad("is not UTF-8");
    ASSIGN_OR_RETURN(Value value, this->value(0));
    skip_space();
    if (at_ < json_.size()) return bad("goes on after its end");
    return value;
  }

 private:
  tl::unexpected<Error> bad(const std::string& problem) const {
    return fail(Code::kInvalidArgument, "the JSON of " + std::string(what_) + " " + problem,
                std::string(what_) + ", byte " + std::to_string(at_));
  }

  void skip_space() {
    while (at_ < json_.size() &&
           (json_[at_] == ' ' || json_[at_] == '\n' || json_[at_] == '\r' || json_[at_] == '\t')) {
      ++at_;
    }
  }

  bool take(std::string_view word) {
    if (!json_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  Result<Value> value(int depth) {
    if (depth > kMaxJsonDepth) return bad("nests deeper than 128");
    skip_space();
    if (at_ == json_.size()) return bad("ends early");
    if (take("{")) return object(depth);
    if (take("[")) return array(depth);
    if (take("\"")) return string();
    if (take("true")) return Value(true);
    if (take("false")) return Value(false);
    if (take("null")) return Value(None{});
    return number();
  }

  Result<Value> object(int depth) {
    auto dict = std::make_shared<Dict>();
    skip_space();
    if (take("}")) return heap_.dict(std::move(dict));
    while (true) {
      skip_space();
      if (!take("\"")) return bad("lacks a key");
      ASSIGN_OR_RETURN(Value key, string());
      skip_space();
      if (!take(":")) return bad("lacks a colon after a key");
      ASSIGN_OR_RETURN(Value member, value(depth + 1));
      dict->set_string(std::move(key), std::move(member));
      skip_space();
      if (take("}")) return heap_.dict(std::move(dict));
      if (!take(",")) return bad("lacks a comma or } in an object");
    }
  }

  Result<Value> array(int depth) {
    std::vector<Value> items;
    skip_space();
    if (take("]")) return heap_.list(std::move(items));
    while (true) {
      ASSIGN_OR_RETURN(Value item, value(depth + 1));
      items.push_back(std::move(item));
      skip_space();
      if (take("]")) return heap_.list(std::move(items));
      if (!take(",")) return bad("lacks a comma or ] in an array");
    }
  }

  Result<Value> string() {
    std::string out;
    while (true) {
      size_t plain = at_;
      while (plain < json_.size() && json_[plain] != '"' && json_[plain] != '\\' &&
             static_cast<unsigned char>(json_[plain]) >= 0x20) {
        ++plain;
      }
      out += json_.substr(at_, plain - at_);
      at_ = plain;
      if (at_ == json_.size()) return bad("ends inside a string");
      if (take("\"")) return heap_.text(Text(std::move(out), /*trusted=*/false));
      if (!take("\\")) return bad("has a control character inside a string");
      RETURN_IF_ERROR(escape(out));
    }
  }

  Status escape(std::string& out) {
    static constexpr std::string_view kLetters = "\"\\/bfnrt", kMeant = "\"\\/\b\f\n\r\t";
    if (at_ == json_.size()) return bad("ends inside a string");
    const char letter = json_[at_++];
    if (letter != 'u') {
      const size_t which = kLetters.find(letter);
      if (which == std::string_view::npos) return bad("has an unknown escape");
      out += kMeant[which];
      return {};
    }
    ASSIGN_OR_RETURN(int32_t unit, hex4());
    if (unit >= 0xD800 && unit < 0xDC00 && take("\\u")) {
      ASSIGN_OR_RETURN(const int32_t low, hex4());
      if (low < 0xDC00 || low > 0xDFFF) return bad("has half a surrogate pair");
      unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    }
    if (unit >= 0xD800 && unit <= 0xDFFF) return bad("has half a surrogate pair");
    append_utf8(out, unit);
    return {};
  }

  Result<int32_t> hex4() {
    const std::string_view digits = json_.substr(at_, 4);
    int32_t unit = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), unit, 16);
    if (digits.size() != 4 || error != std::errc() || end != digits.data() + 4 ||
        digits[0] == '-') {
      return bad("has a broken \\u escape");
    }
    at_ += 4;
    return unit;
  }

  Result<Value> number() {
    const size_t begin = at_;
    const auto digits = [&] {
      const size_t first = at_;
      while (at_ < json_.size() && json_[at_] >= '0' && json_[at_] <= '9') ++at_;
      return at_ - first;
    };
    take("-");
    const size_t first_digit = at_;
    const size_t whole = digits();
    if (whole == 0 || (whole > 1 && json_[first_digit] == '0')) {
      at_ = begin;
      return bad("has something that is no value");
    }
    bool is_float = false;
    if (take(".")) {
      is_float = true;
      if (digits() == 0) return bad("has a broken number");
    }
    if (take("e") || take("E")) {
      is_float = true;
      if (!take("+")) take("-");
      if (digits() == 0) return bad("has a broken number");
    }
    const std::string text(json_.substr(begin, at_ - begin));
    // strtod: the C locale is never changed, and unlike from_chars it says infinity as Python does.
    if (is_float) return Value(std::strtod(text.c_str(), nullptr));
    int64_t integer = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), integer);
    if (error == std::errc()) return Value(integer);
    return Value(BigInt{std::make_shared<const std::string>(text)});
  }

  std::string_view json_, what_;
  Heap& heap_;
  size_t at_ = 0;
};

}  // namespace

Result<Value> parse_json(std::string_view json, std::string_view what, Heap& heap) {
  return Parser(json, what, heap).document();
}

}  // namespace holdfast::jinja
