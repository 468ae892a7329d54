// Result<T>: a T, or the Error that says why there is none.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "base/error.h"

namespace holdfast {

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

// return fail(Code::kCorrupt, "the header ends early", "model.gguf, byte 12", "fetch the file
// again");
inline tl::unexpected<Error> fail(Code code, std::string message, std::string where = {},
                                  std::string hint = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(where), std::move(hint)});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

#define HOLDFAST_CONCAT_INNER(a, b) a##b
#define HOLDFAST_CONCAT(a, b) HOLDFAST_CONCAT_INNER(a, b)

// RETURN_IF_ERROR(expression): passes a failed Status on to the caller.
#define RETURN_IF_ERROR(expr)                              \
  do {                                                     \
    if (auto status_ = (expr); !status_.has_value())       \
      return ::holdfast::fail(std::move(status_).error()); \
  } while (false)

// ASSIGN_OR_RETURN(auto x, expression): unwraps a Result or passes its error on.
#define ASSIGN_OR_RETURN(lhs, expr) \
  ASSIGN_OR_RETURN_INNER(HOLDFAST_CONCAT(result_, __LINE__), lhs, expr)
#define ASSIGN_OR_RETURN_INNER(tmp, lhs, expr)                           \
  auto tmp = (expr);                                                     \
  if (!tmp.has_value()) return ::holdfast::fail(std::move(tmp).error()); \
  lhs = std::move(tmp).value()

}  // namespace holdfast
