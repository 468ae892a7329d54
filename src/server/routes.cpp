#include "server/handlers.h"
#include "server/router.h"

namespace holdfast {

std::span<const Route> routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/health", handle_health},
      {"GET", "/v1/models", handle_list_models},
      {"GET", "/v1/models/{id}", handle_get_model},
      {"POST", "/v1/chat/completions", handle_chat_completions, true},
      {"POST", "/v1/completions", handle_completions, true},
  };
  return kRoutes;
}

}  // namespace holdfast
