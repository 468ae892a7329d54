#include <algorithm>

#include "text/jinja/functions.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/methods.h"
#include "text/jinja/python.h"

namespace holdfast::jinja {

Result<Value> Interpreter::call(const Value& callee, Arguments arguments) {
  if (const MacroRef* macro = callee.get<MacroRef>()) {
    return call_macro(*macro->macro, std::move(arguments));
  }
  if (const Function* function = callee.get<Function>()) {
    return call_function(*this, function->index, arguments);
  }
  if (const Method* method = callee.get<Method>()) {
    return call_method(*this, *method->self, method->name, arguments);
  }
  if (callee.loop() != nullptr) return call_loop(*callee.loop(), arguments);
  if (callee.is_undefined()) return undefined_error(callee);
  return type_error("'" + std::string(type_name(callee)) + "' object is not callable");
}

Result<Value> Interpreter::call_macro(const Macro& macro, Arguments arguments) {
  DepthGuard guard(budget());
  RETURN_IF_ERROR(guard.status());
  // Kept: a call block or macro inside may outlive this call.
  Scope& inner = kept_scope(macro.scope);
  RETURN_IF_ERROR(budget().bytes(sizeof(Scope)));
  RETURN_IF_ERROR(bind_parameters(*macro.definition, arguments, inner));
  Text text;
  Text* const outside = std::exchange(out_, &text);
  auto done = execute(macro.definition->body, inner);
  out_ = outside;
  if (!done.has_value()) return fail(std::move(done).error());
  return heap_.text(std::move(text));
}

Status Interpreter::bind_parameters(const MacroDefinition& definition, Arguments& arguments,
                                    Scope& inner) {
  const std::string& macro = definition.name;
  std::vector<Value>& positional = arguments.positional;
  std::vector<std::pair<std::string_view, Value>>& named = arguments.named;
  const auto take = [&](std::string_view name, Value& value) {
    const auto at =
        std::find_if(named.begin(), named.end(), [&](const auto& n) { return n.first == name; });
    if (at == named.end()) return false;
    value = std::move(at->second);
    named.erase(at);
    return true;
  };
  for (size_t i = 0; i < definition.parameters.size(); ++i) {
    const Parameter& parameter = definition.parameters[i];
    Value value;
    if (i < positional.size()) {
      value = positional[i];
    } else if (!take(parameter.name, value)) {
      if (parameter.otherwise) {
        ASSIGN_OR_RETURN(value, evaluate(*parameter.otherwise, inner));
      } else {
        value = Value::undefined("parameter '" + parameter.name + "' was not provided");
      }
    }
    inner.set(parameter.name, std::move(value));
  }
  Value caller;
  const bool has_caller = take("caller", caller);
  if (definition.uses_caller) {
    inner.set("caller", has_caller ? std::move(caller) : Value::undefined("No caller defined"));
  } else if (has_caller) {
    return type_error("macro '" + macro + "' takes no keyword argument 'caller'");
  }
  if (definition.uses_kwargs) {
    auto rest = std::make_shared<Dict>();
    for (auto& [name, value] : named) {
      rest->set_string(Value::string(std::string(name), false), std::move(value));
    }
    ASSIGN_OR_RETURN(Value kwargs, heap_.dict(std::move(rest)));
    inner.set("kwargs", std::move(kwargs));
  } else if (!named.empty()) {
    return type_error("macro '" + macro + "' takes no keyword argument '" +
                      std::string(named[0].first) + "'");
  }
  const size_t count = definition.parameters.size();
  if (definition.uses_varargs) {
    std::vector<Value> rest;
    if (positional.size() > count) {
      rest.assign(positional.begin() + static_cast<ptrdiff_t>(count), positional.end());
    }
    ASSIGN_OR_RETURN(Value varargs, heap_.list(std::move(rest), List::Form::kTuple));
    inner.set("varargs", std::move(varargs));
  } else if (positional.size() > count) {
    return type_error("macro '" + macro + "' takes not more than " + std::to_string(count) +
                      " argument(s)");
  }
  return {};
}

// loop(items) in a recursive for: the same statement over other items, as text.
Result<Value> Interpreter::call_loop(const Loop& loop, const Arguments& arguments) {
  if (loop.statement == nullptr) {
    return type_error("The loop must have the 'recursive' marker to be called recursively.");
  }
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"items"}, 1));
  DepthGuard guard(budget());
  RETURN_IF_ERROR(guard.status());
  Text text;
  Text* const outside = std::exchange(out_, &text);
  auto done = execute_for(*static_cast<const Stmt*>(loop.statement), *loop.scope, *bound[0],
                          loop.depth0 + 1);
  out_ = outside;
  if (!done.has_value()) return fail(std::move(done).error());
  return heap_.text(std::move(text));
}

}  // namespace holdfast::jinja
