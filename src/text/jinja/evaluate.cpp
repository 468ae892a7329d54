#include "text/jinja/filters.h"
#include "text/jinja/functions.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/methods.h"
#include "text/jinja/python.h"
#include "text/jinja/tests.h"

namespace holdfast::jinja {
namespace {

using Kind = Expr::Kind;

// Says which filter, test or method an error comes from, unless something inside it said more.
Result<Value> named(Result<Value> result, std::string_view prefix, std::string_view name) {
  if (!result.has_value() && result.error().where.empty() &&
      result.error().code == Code::kInvalidArgument) {
    result.error().message =
        std::string(prefix) + std::string(name) + ": " + result.error().message;
  }
  return result;
}

}  // namespace

Result<Value> Interpreter::evaluate(const Expr& expr, Scope& scope) {
  if (expr.kind == Kind::kConstant) return expr.constant;
  DepthGuard guard(budget());
  RETURN_IF_ERROR(guard.status());
  RETURN_IF_ERROR(budget().steps());
  auto value = evaluate_inner(expr, scope);
  if (!value.has_value() && value.error().where.empty()) {
    value.error().where = "chat template, line " + std::to_string(expr.line);
  }
  return value;
}

Result<Value> Interpreter::evaluate_inner(const Expr& expr, Scope& scope) {
  switch (expr.kind) {
    case Kind::kConstant:
      return expr.constant;
    case Kind::kName:
      return evaluate_name(expr, scope);
    case Kind::kList:
    case Kind::kTuple:
      return evaluate_list(expr, scope);
    case Kind::kDict:
      return evaluate_dict(expr, scope);
    case Kind::kAttribute: {
      ASSIGN_OR_RETURN(const Value object, evaluate(*expr.children[0], scope));
      return attribute(object, expr.name);
    }
    case Kind::kItem: {
      ASSIGN_OR_RETURN(const Value object, evaluate(*expr.children[0], scope));
      ASSIGN_OR_RETURN(const Value key, evaluate(*expr.children[1], scope));
      return item(object, key);
    }
    case Kind::kSlice:
      return evaluate_slice(expr, scope);
    case Kind::kCall:
      return evaluate_call(expr, scope, nullptr);
    case Kind::kFilter:
      return evaluate_filter(expr, scope, nullptr);
    case Kind::kTest:
      return evaluate_test(expr, scope);
    case Kind::kNot: {
      ASSIGN_OR_RETURN(const Value value, evaluate(*expr.children[0], scope));
      return Value(!truth(value));
    }
    case Kind::kNegate: {
      ASSIGN_OR_RETURN(const Value value, evaluate(*expr.children[0], scope));
      return negate(value);
    }
    case Kind::kAnd:
    case Kind::kOr: {
      ASSIGN_OR_RETURN(Value left, evaluate(*expr.children[0], scope));
      if (truth(left) == (expr.kind == Kind::kOr)) return left;
      return evaluate(*expr.children[1], scope);
    }
    case Kind::kArithmetic: {
      ASSIGN_OR_RETURN(const Value left, evaluate(*expr.children[0], scope));
      ASSIGN_OR_RETURN(const Value right, evaluate(*expr.children[1], scope));
      return arithmetic(expr.name, left, right, heap_);
    }
    case Kind::kConcat:
      return evaluate_concat(expr, scope);
    case Kind::kCompare:
      return evaluate_compare(expr, scope);
    case Kind::kConditional: {
      ASSIGN_OR_RETURN(const Value condition, evaluate(*expr.children[0], scope));
      if (truth(condition)) return evaluate(*expr.children[1], scope);
      if (expr.children[2]) return evaluate(*expr.children[2], scope);
      return Value::undefined("the inline if-expression on line " + std::to_string(expr.line) +
                              " evaluated to false and no else section was defined.");
    }
  }
  return Value();
}

Result<Value> Interpreter::evaluate_name(const Expr& expr, Scope& scope) {
  if (const Value* value = scope.find(expr.name)) return *value;
  if (const auto function = find_function(expr.name)) return Value(Function{*function});
  return Value::undefined("'" + expr.name + "' is undefined");
}

Result<Value> Interpreter::evaluate_list(const Expr& expr, Scope& scope) {
  std::vector<Value> items;
  items.reserve(expr.children.size());
  for (const ExprPtr& child : expr.children) {
    ASSIGN_OR_RETURN(Value item, evaluate(*child, scope));
    items.push_back(std::move(item));
  }
  return heap_.list(std::move(items),
                    expr.kind == Kind::kTuple ? List::Form::kTuple : List::Form::kList);
}

Result<Value> Interpreter::evaluate_dict(const Expr& expr, Scope& scope) {
  auto dict = std::make_shared<Dict>();
  for (size_t i = 0; i < expr.children.size(); i += 2) {
    ASSIGN_OR_RETURN(Value key, evaluate(*expr.children[i], scope));
    ASSIGN_OR_RETURN(Value value, evaluate(*expr.children[i + 1], scope));
    RETURN_IF_ERROR(dict_set(*dict, std::move(key), std::move(value), budget()));
  }
  return heap_.dict(std::move(dict));
}

Result<Value> Interpreter::evaluate_slice(const Expr& expr, Scope& scope) {
  ASSIGN_OR_RETURN(const Value object, evaluate(*expr.children[0], scope));
  Value parts[3] = {None{}, None{}, None{}};
  for (size_t i = 0; i < 3; ++i) {
    if (expr.children[i + 1]) {
      ASSIGN_OR_RETURN(parts[i], evaluate(*expr.children[i + 1], scope));
    }
  }
  return slice(object, parts[0], parts[1], parts[2], heap_);
}

Result<Value> Interpreter::evaluate_compare(const Expr& expr, Scope& scope) {
  ASSIGN_OR_RETURN(Value left, evaluate(*expr.children[0], scope));
  for (size_t i = 0; i < expr.operators.size(); ++i) {
    ASSIGN_OR_RETURN(Value right, evaluate(*expr.children[i + 1], scope));
    ASSIGN_OR_RETURN(const bool holds, compare(expr.operators[i], left, right, budget()));
    if (!holds) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Result<Value> Interpreter::evaluate_concat(const Expr& expr, Scope& scope) {
  Text out;
  for (const ExprPtr& child : expr.children) {
    ASSIGN_OR_RETURN(const Value value, evaluate(*child, scope));
    ASSIGN_OR_RETURN(const Text text, str(value, budget()));
    out.append(text);
  }
  return heap_.text(std::move(out));
}

Result<Arguments> Interpreter::evaluate_arguments(const CallArguments& written, Scope& scope) {
  Arguments arguments;
  for (const ExprPtr& expr : written.positional) {
    ASSIGN_OR_RETURN(Value value, evaluate(*expr, scope));
    arguments.positional.push_back(std::move(value));
  }
  if (written.list) {
    ASSIGN_OR_RETURN(const Value list, evaluate(*written.list, scope));
    ASSIGN_OR_RETURN(const std::vector<Value> more, iterate(list, heap_));
    arguments.positional.insert(arguments.positional.end(), more.begin(), more.end());
  }
  for (const auto& [name, expr] : written.named) {
    ASSIGN_OR_RETURN(Value value, evaluate(*expr, scope));
    arguments.named.emplace_back(name, std::move(value));
  }
  if (written.dict) {
    ASSIGN_OR_RETURN(const Value dict, evaluate(*written.dict, scope));
    if (dict.dict() == nullptr) return type_error("the argument after ** must be a mapping");
    for (const auto& [key, value] : dict.dict()->entries) {
      if (key.text() == nullptr) return type_error("keywords must be strings");
      arguments.named.emplace_back(key.text()->view(), value);
    }
  }
  return arguments;
}

Result<Value> Interpreter::evaluate_call(const Expr& expr, Scope& scope, const Value* caller) {
  const Expr& callee_expr = *expr.children[0];
  Value self, callee;
  if (callee_expr.kind == Kind::kAttribute) {
    ASSIGN_OR_RETURN(self, evaluate(*callee_expr.children[0], scope));
    if (!has_method(self, callee_expr.name)) {
      ASSIGN_OR_RETURN(callee, attribute(self, callee_expr.name));
    }
  } else {
    ASSIGN_OR_RETURN(callee, evaluate(callee_expr, scope));
  }
  ASSIGN_OR_RETURN(Arguments arguments, evaluate_arguments(expr.arguments, scope));
  if (caller != nullptr) arguments.named.emplace_back("caller", *caller);
  if (callee_expr.kind == Kind::kAttribute && has_method(self, callee_expr.name)) {
    return named(call_method(*this, self, callee_expr.name, arguments), "the method ",
                 callee_expr.name);
  }
  return call(callee, std::move(arguments));
}

Result<Value> Interpreter::evaluate_filter(const Expr& expr, Scope& scope, const Value* block) {
  Value input;
  if (!expr.children[0]) {
    input = *block;
  } else if (expr.children[0]->kind == Kind::kFilter) {
    // The innermost filter of a chain may be the one on a block.
    DepthGuard guard(budget());
    RETURN_IF_ERROR(guard.status());
    ASSIGN_OR_RETURN(input, evaluate_filter(*expr.children[0], scope, block));
  } else {
    ASSIGN_OR_RETURN(input, evaluate(*expr.children[0], scope));
  }
  ASSIGN_OR_RETURN(const Arguments arguments, evaluate_arguments(expr.arguments, scope));
  return named(apply_filter(*this, expr.entry, input, arguments), "the filter ", expr.name);
}

Result<Value> Interpreter::evaluate_test(const Expr& expr, Scope& scope) {
  ASSIGN_OR_RETURN(const Value value, evaluate(*expr.children[0], scope));
  ASSIGN_OR_RETURN(const Arguments arguments, evaluate_arguments(expr.arguments, scope));
  const auto holds = apply_test(*this, expr.entry, value, arguments);
  if (!holds.has_value()) return named(fail(holds.error()), "the test ", expr.name);
  return Value(*holds);
}

}  // namespace holdfast::jinja
