// Jinja's filters: value|name(arguments).
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "text/jinja/arguments.h"
#include "text/jinja/value.h"

namespace holdfast::jinja {

class Interpreter;

std::optional<size_t> find_filter(std::string_view name);
Result<Value> apply_filter(Interpreter& interpreter, size_t index, const Value& input,
                           const Arguments& arguments);

// One filter. `input` is what stands left of the bar.
using Filter = Result<Value> (*)(Interpreter& interpreter, const Value& input,
                                 const Arguments& arguments);

namespace filters {  // by what they work on: filters_text.cpp, filters_number.cpp, filters_list.cpp

Result<Value> trim(Interpreter&, const Value&, const Arguments&);
Result<Value> upper(Interpreter&, const Value&, const Arguments&);
Result<Value> lower(Interpreter&, const Value&, const Arguments&);
Result<Value> capitalize(Interpreter&, const Value&, const Arguments&);
Result<Value> title(Interpreter&, const Value&, const Arguments&);
Result<Value> replace(Interpreter&, const Value&, const Arguments&);
Result<Value> indent(Interpreter&, const Value&, const Arguments&);
Result<Value> string(Interpreter&, const Value&, const Arguments&);
Result<Value> safe(Interpreter&, const Value&, const Arguments&);
Result<Value> escape(Interpreter&, const Value&, const Arguments&);
Result<Value> format(Interpreter&, const Value&, const Arguments&);
Result<Value> tojson(Interpreter&, const Value&, const Arguments&);
Result<Value> from_json(Interpreter&, const Value&, const Arguments&);

Result<Value> integer(Interpreter&, const Value&, const Arguments&);
Result<Value> floating(Interpreter&, const Value&, const Arguments&);
Result<Value> absolute(Interpreter&, const Value&, const Arguments&);
Result<Value> round(Interpreter&, const Value&, const Arguments&);

Result<Value> default_value(Interpreter&, const Value&, const Arguments&);
Result<Value> length(Interpreter&, const Value&, const Arguments&);
Result<Value> first(Interpreter&, const Value&, const Arguments&);
Result<Value> last(Interpreter&, const Value&, const Arguments&);
Result<Value> list(Interpreter&, const Value&, const Arguments&);
Result<Value> items(Interpreter&, const Value&, const Arguments&);
Result<Value> join(Interpreter&, const Value&, const Arguments&);
Result<Value> reverse(Interpreter&, const Value&, const Arguments&);
Result<Value> sort(Interpreter&, const Value&, const Arguments&);
Result<Value> dictsort(Interpreter&, const Value&, const Arguments&);
Result<Value> unique(Interpreter&, const Value&, const Arguments&);
Result<Value> minimum(Interpreter&, const Value&, const Arguments&);
Result<Value> maximum(Interpreter&, const Value&, const Arguments&);
Result<Value> sum(Interpreter&, const Value&, const Arguments&);
Result<Value> map(Interpreter&, const Value&, const Arguments&);
Result<Value> select(Interpreter&, const Value&, const Arguments&);
Result<Value> reject(Interpreter&, const Value&, const Arguments&);
Result<Value> selectattr(Interpreter&, const Value&, const Arguments&);
Result<Value> rejectattr(Interpreter&, const Value&, const Arguments&);

}  // namespace filters

// "a.b.0" from each item, as map, sort, sum and others take an attribute; also an integer.
Result<Value> get_path(Interpreter& interpreter, Value item, const Value& path);

}  // namespace holdfast::jinja
