// Finds where JSON values end, byte by byte, without keeping them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast {

// One value. Brackets must match and strings must close; numbers and words are not looked into.
class JsonScanner {
 public:
  enum class Step {
    kMore,    // the byte belongs to the value, which goes on
    kEnd,     // the byte is the value's last
    kBefore,  // the value ended before the byte (numbers and words)
    kBad,
  };
  // The first byte is no white space.
  Step put(char c);

 private:
  enum class Kind { kNone, kWord, kString, kContainer };
  Kind kind_ = Kind::kNone;
  bool in_string_ = false, escaped_ = false;
  std::string open_;  // brackets
};

// An object such as {"name": "f", "arguments": {...}}, read member by member. The members may come
// in any order, and others among them.
class CallObject {
 public:
  enum class State { kOpen, kDone, kBad };
  // `arguments` gets what is known of the arguments' JSON text; a string is taken for what it
  // holds. It stays empty until the name is known.
  State put(char c, std::string& arguments);

  bool named() const { return named_; }
  const std::string& name() const { return name_; }

 private:
  enum class Place { kStart, kKey, kInKey, kColon, kValue, kInValue, kNext, kNextKey, kDone, kBad };
  enum class Member { kName, kArguments, kQuotedArguments, kOther };
  void begin_value(char c);
  void end_value(std::string& arguments);
  void tell(std::string& arguments);

  Place place_ = Place::kStart;
  Member member_ = Member::kOther;  // whose value comes
  JsonScanner scanner_;
  std::string key_, value_;  // value_: of a name, or of arguments that are a string
  std::string waiting_;      // arguments before the name is known
  std::string name_;
  bool named_ = false, has_arguments_ = false;
};

// The text that a JSON string (with its quotes) stands for; nothing when it is none.
bool decode_json_string(std::string_view json, std::string& out);

}  // namespace holdfast
