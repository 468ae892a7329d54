#include "text/json_scanner.h"

#include <charconv>
#include <utility>

namespace holdfast {

namespace {

constexpr size_t kMaxDepth = 256;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

void append_utf8(uint32_t code, std::string& out) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

// Four hexadecimal digits at `at`, or -1.
int32_t hex4(std::string_view text, size_t at) {
  uint32_t code = 0;
  if (at + 4 > text.size()) return -1;
  const auto parsed = std::from_chars(text.data() + at, text.data() + at + 4, code, 16);
  return parsed.ptr == text.data() + at + 4 ? static_cast<int32_t>(code) : -1;
}

}  // namespace

bool decode_json_string(std::string_view json, std::string& out) {
  out.clear();
  if (json.size() < 2 || json.front() != '"' || json.back() != '"') return false;
  json = json.substr(1, json.size() - 2);
  for (size_t i = 0; i < json.size(); ++i) {
    if (json[i] != '\\') {
      out += json[i];
      continue;
    }
    if (++i >= json.size()) return false;
    constexpr std::string_view kNames = "\"\\/bfnrt", kMeant = "\"\\/\b\f\n\r\t";
    if (const size_t known = kNames.find(json[i]); known != std::string_view::npos) {
      out += kMeant[known];
      continue;
    }
    if (json[i] != 'u') return false;
    int32_t code = hex4(json, i + 1);
    if (code < 0) return false;
    i += 4;
    if (code >= 0xD800 && code < 0xDC00 && json.substr(i + 1).starts_with("\\u")) {
      const int32_t low = hex4(json, i + 3);
      if (low >= 0xDC00 && low < 0xE000) {
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        i += 6;
      }
    }
    const bool lone = code >= 0xD800 && code < 0xE000;
    append_utf8(lone ? 0xFFFD : static_cast<uint32_t>(code), out);
  }
  return true;
}

JsonScanner::Step JsonScanner::put(char c) {
  if (in_string_) {
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      in_string_ = false;
      if (kind_ == Kind::kString) return Step::kEnd;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      return Step::kBad;
    }
    return Step::kMore;
  }
  const bool opens = c == '{' || c == '[', closes = c == '}' || c == ']';
  if (kind_ == Kind::kWord) {
    return is_space(c) || c == ',' || closes ? Step::kBefore
           : c == '"' || opens || c == ':'   ? Step::kBad
                                             : Step::kMore;
  }
  if (kind_ == Kind::kNone) {
    if (closes || c == ',' || c == ':') return Step::kBad;
    kind_ = opens ? Kind::kContainer : c == '"' ? Kind::kString : Kind::kWord;
  }
  if (c == '"') in_string_ = true;
  if (opens) {
    if (open_.size() >= kMaxDepth) return Step::kBad;
    open_ += c;
  }
  if (closes) {
    if (open_.empty() || open_.back() != (c == '}' ? '{' : '[')) return Step::kBad;
    open_.pop_back();
    if (open_.empty()) return Step::kEnd;
  }
  return Step::kMore;
}

void CallObject::tell(std::string& arguments) {
  if (named_) arguments += std::exchange(waiting_, {});
}

void CallObject::begin_value(char c) {
  scanner_ = {};
  value_.clear();
  place_ = Place::kInValue;
  // A name, or arguments inside a string, are known when they are whole.
  if (key_ == "name") {
    member_ = Member::kName;
    if (named_ || c != '"') place_ = Place::kBad;
  } else if (key_ == "arguments" || key_ == "parameters") {
    member_ = c == '"' ? Member::kQuotedArguments : Member::kArguments;
    if (std::exchange(has_arguments_, true)) place_ = Place::kBad;
  } else {
    member_ = Member::kOther;
  }
}

void CallObject::end_value(std::string& arguments) {
  place_ = Place::kNext;
  if (member_ == Member::kName) {
    if (!decode_json_string(value_, name_) || name_.empty()) {
      place_ = Place::kBad;
      return;
    }
    named_ = true;
    tell(arguments);
  } else if (member_ == Member::kQuotedArguments) {
    std::string text;
    if (!decode_json_string(value_, text)) {
      place_ = Place::kBad;
      return;
    }
    waiting_ += text;
    tell(arguments);
  }
}

CallObject::State CallObject::put(char c, std::string& arguments) {
  if (place_ == Place::kInValue) {
    const JsonScanner::Step step = scanner_.put(c);
    if (step == JsonScanner::Step::kBad) {
      place_ = Place::kBad;
    } else {
      if (step != JsonScanner::Step::kBefore) {
        if (member_ == Member::kArguments) {
          waiting_ += c;
          tell(arguments);
        } else if (member_ != Member::kOther) {
          value_ += c;
        }
      }
      if (step != JsonScanner::Step::kMore) end_value(arguments);
      if (step != JsonScanner::Step::kBefore && place_ != Place::kBad) return State::kOpen;
    }
  }
  switch (place_) {
    case Place::kStart:
      if (!is_space(c)) place_ = c == '{' ? Place::kKey : Place::kBad;
      break;
    case Place::kKey:
    case Place::kNextKey:
      if (is_space(c)) break;
      if (c == '"') {
        key_.clear();
        place_ = Place::kInKey;
      } else {
        place_ = c == '}' && place_ == Place::kKey ? Place::kDone : Place::kBad;
      }
      break;
    case Place::kInKey:
      if (c == '"') {
        place_ = Place::kColon;
      } else if (c == '\\' || static_cast<unsigned char>(c) < 0x20) {
        place_ = Place::kBad;  // the keys that matter have no escapes
      } else {
        key_ += c;
      }
      break;
    case Place::kColon:
      if (!is_space(c)) place_ = c == ':' ? Place::kValue : Place::kBad;
      break;
    case Place::kValue:
      if (is_space(c)) break;
      begin_value(c);
      if (place_ == Place::kInValue) return put(c, arguments);
      break;
    case Place::kNext:
      if (is_space(c)) break;
      place_ = c == ',' ? Place::kNextKey : c == '}' ? Place::kDone : Place::kBad;
      break;
    case Place::kInValue:
    case Place::kDone:
    case Place::kBad:
      break;
  }
  if (place_ == Place::kDone && !named_) place_ = Place::kBad;
  return place_ == Place::kDone ? State::kDone : place_ == Place::kBad ? State::kBad : State::kOpen;
}

}  // namespace holdfast
