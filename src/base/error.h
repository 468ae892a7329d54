// What can go wrong because of the outside world, and how it is told.
#pragma once

#include <string>
#include <string_view>

namespace holdfast {

// A closed set: a new kind of failure finds its place here or is a mistake of ours (see
// base/check.h).
enum class Code {
  kInvalidArgument,    // the caller's input is wrong and stays wrong
  kNotFound,           // a file, model, route or id that does not exist
  kCorrupt,            // bytes that contradict their own format
  kUnauthenticated,    // nobody we know
  kPermissionDenied,   // somebody we know, who may not
  kResourceExhausted,  // memory, pages, quota: less or later may succeed
  kUnavailable,        // not now; try again
  kUnimplemented,      // known, but this version does not do it
  kCancelled,          // the caller went away
  kInternal,           // the rest
};

struct Error {
  Code code = Code::kInternal;
  std::string message;  // what was wrong, as a sentence without a full stop
  std::string
      where;  // file and byte offset, config key and line, JSON path, request field; may be empty
  std::string hint;  // what to do about it; may be empty
};

// "message (where). hint" on one line, for logs and terminals.
std::string to_string(const Error& error);

// The one table from a code to how each surface shows it.
struct CodeInfo {
  std::string_view name;      // "invalid_argument"
  int http_status;            // 400
  std::string_view api_type;  // OpenAI's error type: "invalid_request_error"
  int exit_status;            // of the command line: 1 failed, 2 wrong use
};
const CodeInfo& code_info(Code code);

}  // namespace holdfast
