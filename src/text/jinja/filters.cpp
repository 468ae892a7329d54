#include "text/jinja/filters.h"

#include <algorithm>
#include <iterator>

namespace holdfast::jinja {
namespace {

struct Entry {
  std::string_view name;
  Filter filter;
};
constexpr Entry kFilters[] = {
    {"abs", filters::absolute},
    {"capitalize", filters::capitalize},
    {"count", filters::length},
    {"d", filters::default_value},
    {"default", filters::default_value},
    {"dictsort", filters::dictsort},
    {"e", filters::escape},
    {"escape", filters::escape},
    {"first", filters::first},
    {"float", filters::floating},
    {"format", filters::format},
    {"from_json", filters::from_json},  // not Jinja's; DeepSeek-V3.2's templates need it
    {"indent", filters::indent},
    {"int", filters::integer},
    {"items", filters::items},
    {"join", filters::join},
    {"last", filters::last},
    {"length", filters::length},
    {"list", filters::list},
    {"lower", filters::lower},
    {"map", filters::map},
    {"max", filters::maximum},
    {"min", filters::minimum},
    {"reject", filters::reject},
    {"rejectattr", filters::rejectattr},
    {"replace", filters::replace},
    {"reverse", filters::reverse},
    {"round", filters::round},
    {"safe", filters::safe},
    {"select", filters::select},
    {"selectattr", filters::selectattr},
    {"sort", filters::sort},
    {"string", filters::string},
    {"sum", filters::sum},
    {"title", filters::title},
    {"tojson", filters::tojson},
    {"trim", filters::trim},
    {"unique", filters::unique},
    {"upper", filters::upper},
};

}  // namespace

std::optional<size_t> find_filter(std::string_view name) {
  const auto at = std::lower_bound(std::begin(kFilters), std::end(kFilters), name,
                                   [](const Entry& e, std::string_view n) { return e.name < n; });
  if (at == std::end(kFilters) || at->name != name) return std::nullopt;
  return static_cast<size_t>(at - std::begin(kFilters));
}

Result<Value> apply_filter(Interpreter& interpreter, size_t index, const Value& input,
                           const Arguments& arguments) {
  return kFilters[index].filter(interpreter, input, arguments);
}

}  // namespace holdfast::jinja
