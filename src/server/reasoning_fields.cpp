#include "server/reasoning_fields.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <boost/json/value.hpp>
#include <fmt/format.h>

namespace holdfast {

namespace json = boost::json;

namespace {

constexpr int64_t kMost = std::numeric_limits<int32_t>::max();

// OpenAI's words, as budgets.
constexpr std::array<std::pair<std::string_view, int32_t>, 6> kEfforts{{
    {"none", 0},
    {"minimal", 256},
    {"low", 1024},
    {"medium", 8192},
    {"high", -1},
    {"xhigh", -1},
}};

void read_effort(RequestFields& outer, RequestFields& fields, std::string_view name,
                 const std::string& param, ReasoningOptions& options) {
  const auto effort = fields.string(name);
  if (!effort) return;
  for (const auto& [word, budget] : kEfforts) {
    if (*effort != word) continue;
    options.budget = budget;
    if (word == "none") options.enabled = false;
    return;
  }
  outer.fail(param,
             fmt::format("'{}' may be none, minimal, low, medium, high or xhigh, not '{}'", param,
                         *effort),
             "invalid_value");
}

void read_object(RequestFields& outer, const json::object& object, OpenAiChatRequest& request) {
  RequestFields fields(object);
  ReasoningOptions& options = request.reasoning;
  read_effort(outer, fields, "effort", "reasoning.effort", options);
  if (const auto tokens = fields.integer("max_tokens", 0, kMost))
    options.budget = static_cast<int32_t>(*tokens);
  if (const auto enabled = fields.boolean("enabled")) options.enabled = *enabled;
  if (const auto loops = fields.boolean("stop_loops")) options.stop_loops = *loops;
  if (fields.boolean("exclude").value_or(false)) request.view = ThinkingView::kHidden;
  if (const auto view = fields.string("visibility")) {
    request.view = find_thinking_view(*view);
    if (!request.view)
      fields.fail("visibility", "'visibility' may be shown, counted or hidden", "invalid_value");
  }
  if (const auto& error = fields.error())
    outer.fail("reasoning." + error->param, error->message, error->code);
}

}  // namespace

void read_reasoning(RequestFields& fields, OpenAiChatRequest& request) {
  ReasoningOptions& options = request.reasoning;
  read_effort(fields, fields, "reasoning_effort", "reasoning_effort", options);
  if (const json::object* object = fields.object("reasoning"))
    read_object(fields, *object, request);
  for (const char* name : {"thinking_token_budget", "thinking_budget"}) {
    if (const auto budget = fields.integer(name, 0, kMost))
      options.budget = static_cast<int32_t>(*budget);
  }
  if (!fields.boolean("include_reasoning").value_or(true)) request.view = ThinkingView::kHidden;
}

void narrow_reasoning(const Grants& grants, OpenAiChatRequest& request) {
  request.view = std::min(request.view.value_or(ThinkingView::kShown), grants.thinking);
  if (!grants.thinking_budget) return;
  const auto most = static_cast<int32_t>(std::min(*grants.thinking_budget, kMost));
  int32_t& budget = request.reasoning.budget;
  budget = budget < 0 ? most : std::min(budget, most);
}

}  // namespace holdfast
