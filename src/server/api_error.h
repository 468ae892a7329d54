// What a client gets when a request fails: a status, and an error object of its API in the body.
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "base/error.h"
#include "server/http_message.h"

namespace holdfast {

// How a family of clients wants to be told of errors.
enum class ErrorForm { kOpenAi, kAnthropic };

struct ApiError {
  int status = 500;
  std::string message;
  std::string code;   // "model_not_found"; empty: null
  std::string param;  // the field at fault, "messages[1].role"; empty: null
  HttpFields fields;  // further response fields, such as Allow

  // OpenAI's name for this class of failure, from the status.
  std::string_view type() const;
  // {"error":{"message":...,"type":...,"param":...,"code":...}}, or Anthropic's
  // {"type":"error","error":{"type":...,"message":...}}.
  std::string json(ErrorForm form = ErrorForm::kOpenAi) const;
  HttpResponse response(ErrorForm form = ErrorForm::kOpenAi) const;
};

// From the engine's or a loader's error, by the table in base/error.h.
ApiError to_api_error(const Error& error);

template <class T>
using ApiResult = tl::expected<T, ApiError>;

inline tl::unexpected<ApiError> api_fail(int status, std::string message, std::string code = {},
                                         std::string param = {}) {
  return tl::unexpected<ApiError>(
      ApiError{status, std::move(message), std::move(code), std::move(param), {}});
}

}  // namespace holdfast
