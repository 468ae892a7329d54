// The handlers that the route table names; one file for each family.
#pragma once

#include "server/app.h"
#include "server/reply.h"

namespace holdfast {

Reply handle_health(App& app, const HttpRequest& request, std::string_view rest);
Reply handle_list_models(App& app, const HttpRequest& request, std::string_view rest);
Reply handle_get_model(App& app, const HttpRequest& request, std::string_view rest);
Reply handle_chat_completions(App& app, const HttpRequest& request, std::string_view rest);
Reply handle_completions(App& app, const HttpRequest& request, std::string_view rest);

}  // namespace holdfast
