// What a client gets when a request fails: a status, and OpenAI's error object in every body.
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "base/error.h"
#include "server/http_message.h"

namespace holdfast {

struct ApiError {
  int status = 500;
  std::string message;
  std::string code;   // "model_not_found"; empty: null
  std::string param;  // the field at fault, "messages[1].role"; empty: null
  HttpFields fields;  // further response fields, such as Allow

  // OpenAI's name for this class of failure, from the status.
  std::string_view type() const;
  std::string json() const;  // {"error":{"message":...,"type":...,"param":...,"code":...}}
  HttpResponse response() const;
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
