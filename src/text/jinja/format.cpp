#include "text/jinja/format.h"

#include <algorithm>
#include <cstdio>

#include "text/jinja/arguments.h"
#include "text/jinja/python.h"
#include "text/jinja/unicode.h"

namespace holdfast::jinja {
namespace {

constexpr int64_t kMaxWidth = 1000;

// "%[(key)][flags][width][.precision]letter"
struct Directive {
  bool left = false, zero = false, plus = false;
  int64_t width = 0, precision = -1;
  std::string_view key;
  bool has_key = false;
  char letter = 0;
};

class PercentFormatter {
 public:
  PercentFormatter(const Text& format, const Value& values, Heap& heap)
      : format_(format), values_(values), heap_(heap) {}

  Result<Value> run() {
    const std::string_view text = format_.view();
    while (at_ < text.size()) {
      const size_t percent = std::min(text.find('%', at_), text.size());
      out_.append(format_, at_, percent);
      at_ = percent;
      if (at_ < text.size()) {
        ++at_;
        RETURN_IF_ERROR(directive());
      }
    }
    const bool is_mapping = values_.dict() != nullptr;
    if (!is_mapping && next_ < value_count()) {
      return type_error("not all arguments converted during string formatting");
    }
    out_.markup = format_.markup;
    return heap_.text(std::move(out_));
  }

 private:
  const List* tuple() const {
    const List* list = values_.list();
    return list != nullptr && list->form == List::Form::kTuple ? list : nullptr;
  }
  size_t value_count() const { return tuple() != nullptr ? tuple()->items.size() : 1; }

  int64_t number() {
    int64_t n = 0;
    const std::string_view text = format_.view();
    while (at_ < text.size() && text[at_] >= '0' && text[at_] <= '9') {
      n = std::min<int64_t>(n * 10 + (text[at_++] - '0'), kMaxWidth + 1);
    }
    return n;
  }

  Result<Directive> parse() {
    const std::string_view text = format_.view();
    Directive d;
    if (at_ < text.size() && text[at_] == '(') {
      const size_t end = text.find(')', at_);
      if (end == std::string_view::npos) return type_error("incomplete format key");
      d.key = text.substr(at_ + 1, end - at_ - 1);
      d.has_key = true;
      at_ = end + 1;
    }
    for (; at_ < text.size(); ++at_) {
      if (text[at_] == '-') {
        d.left = true;
      } else if (text[at_] == '0') {
        d.zero = true;
      } else if (text[at_] == '+') {
        d.plus = true;
      } else {
        break;
      }
    }
    d.width = number();
    if (at_ < text.size() && text[at_] == '.') {
      ++at_;
      d.precision = number();
    }
    if (d.width > kMaxWidth || d.precision > kMaxWidth) return type_error("format width too big");
    if (at_ == text.size()) return type_error("incomplete format");
    d.letter = text[at_++];
    return d;
  }

  Result<Value> next_value(const Directive& d) {
    if (d.has_key) {
      if (values_.dict() == nullptr) return type_error("format requires a mapping");
      const Value* value = values_.dict()->find(d.key);
      if (value == nullptr)
        return type_error("the format's key '" + std::string(d.key) + "' is not there");
      return *value;
    }
    if (next_ >= value_count()) return type_error("not enough arguments for format string");
    return tuple() != nullptr ? tuple()->items[next_++] : (++next_, values_);
  }

  Status directive() {
    ASSIGN_OR_RETURN(const Directive d, parse());
    if (d.letter == '%') {
      out_.append("%", format_.trusted_at(at_ - 1));
      return {};
    }
    ASSIGN_OR_RETURN(const Value value, next_value(d));
    Text text;
    if (d.letter == 's') {
      ASSIGN_OR_RETURN(text, str(value, heap_.budget));
    } else if (d.letter == 'r') {
      ASSIGN_OR_RETURN(std::string printed, repr(value, heap_.budget));
      text = Text(std::move(printed), false);
    } else {
      ASSIGN_OR_RETURN(std::string printed, number_text(d, value));
      text = Text(std::move(printed), false);
    }
    if (d.precision >= 0 && (d.letter == 's' || d.letter == 'r')) {
      text = text.slice(0, byte_offset(text.view(), static_cast<size_t>(d.precision)));
    }
    pad(d, text);
    return {};
  }

  static Result<std::string> number_text(const Directive& d, const Value& value) {
    const std::string flags =
        std::string(d.plus ? "+" : "") + (d.zero && !d.left ? "0" + std::to_string(d.width) : "");
    const std::string lead = "%" + flags;
    char buffer[2 * kMaxWidth + 400];
    double number = 0;
    if (!as_double(value, number)) {
      if (value.is_undefined()) return undefined_error(value);
      return type_error(std::string("%") + d.letter + " format: a number is required, not " +
                        std::string(type_name(value)));
    }
    if (d.letter == 'd' || d.letter == 'i' || d.letter == 'x') {
      int64_t storage = 0;
      const int64_t* integer = as_integer(value, storage);
      if (integer == nullptr && (d.letter == 'x' || !(number > -9e18 && number < 9e18))) {
        return type_error("an integer is required");
      }
      const int64_t whole = integer != nullptr ? *integer : static_cast<int64_t>(number);
      if (d.letter == 'x' && whole < 0) return type_error("%x of a negative number");
      std::snprintf(buffer, sizeof buffer, (lead + (d.letter == 'x' ? "llx" : "lld")).c_str(),
                    static_cast<long long>(whole));
    } else if (d.letter == 'f') {
      std::snprintf(buffer, sizeof buffer, (lead + ".*f").c_str(),
                    static_cast<int>(d.precision < 0 ? 6 : d.precision), number);
    } else {
      return type_error(std::string("unsupported format character '") + d.letter + "'");
    }
    return std::string(buffer);
  }

  void pad(const Directive& d, const Text& text) {
    const auto size = static_cast<int64_t>(length(text.view()));
    const std::string fill(static_cast<size_t>(std::max<int64_t>(0, d.width - size)), ' ');
    if (!d.left) out_.append(fill, false);
    out_.append(text);
    if (d.left) out_.append(fill, false);
  }

  const Text& format_;
  const Value& values_;
  Heap& heap_;
  Text out_;
  size_t at_ = 0, next_ = 0;
};

}  // namespace

Result<Value> percent_format(const Text& format, const Value& values, Heap& heap) {
  if (values.is_undefined()) return undefined_error(values);
  return PercentFormatter(format, values, heap).run();
}

Result<Value> brace_format(const Text& format, const Arguments& arguments, Heap& heap) {
  const std::string_view text = format.view();
  Text out;
  size_t next = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t brace = std::min(text.find_first_of("{}", i), text.size());
    out.append(format, i, brace);
    i = brace;
    if (i == text.size()) break;
    if (i + 1 < text.size() && text[i + 1] == text[i]) {
      out.append(format, i, i + 1);
      i += 2;
      continue;
    }
    const size_t end = text.find('}', i);
    if (text[i] == '}' || end == std::string_view::npos) {
      return type_error("a single brace in a format string");
    }
    const std::string_view field = text.substr(i + 1, end - i - 1);
    if (field.find_first_of("!:.[{") != std::string_view::npos) {
      return fail(Code::kUnimplemented, "format fields are plain names or numbers here, not {" +
                                            std::string(field) + "}");
    }
    const Value* value = nullptr;
    if (field.find_first_not_of("0123456789") == std::string_view::npos && field.size() < 4) {
      const size_t which = field.empty() ? next++ : std::stoul(std::string(field));
      if (which < arguments.positional.size()) value = &arguments.positional[which];
    } else {
      for (const auto& [name, named] : arguments.named) {
        if (name == field) value = &named;
      }
    }
    if (value == nullptr)
      return type_error("nothing for the format field {" + std::string(field) + "}");
    ASSIGN_OR_RETURN(const Text filled, str(*value, heap.budget));
    out.append(filled);
    i = end + 1;
  }
  out.markup = format.markup;
  return heap.text(std::move(out));
}

}  // namespace holdfast::jinja
