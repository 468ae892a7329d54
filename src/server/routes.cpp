#include "server/handlers.h"
#include "server/router.h"

namespace holdfast {

std::span<const Route> routes() {
  static constexpr bool kBlocking = true, kMetered = true;
  static constexpr Route kRoutes[] = {
      {"GET", "/health", kPublic, handle_health},
      {"GET", "/v1/models", "model:list", handle_list_models},
      {"GET", "/v1/models/{id}", "model:list", handle_get_model},
      {"POST", "/v1/chat/completions", "model:read", handle_chat_completions, kBlocking, kMetered},
      {"POST", "/v1/completions", "model:read", handle_completions, kBlocking, kMetered},
  };
  return kRoutes;
}

}  // namespace holdfast
