// Runs a parsed template. One interpreter renders once.
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>

#include "base/result.h"
#include "text/jinja/arguments.h"
#include "text/jinja/ast.h"
#include "text/jinja/heap.h"
#include "text/jinja/scope.h"

namespace holdfast::jinja {

class Interpreter {
 public:
  // `now`: seconds since 1970, what strftime_now shows.
  Interpreter(Heap& heap, int64_t now) : heap_(heap), now_(now) {}
  ~Interpreter();

  // `variables` is the outermost scope. Errors say the line in `where`.
  Result<Text> render(const Template& source, Scope& variables);

  // What filters, tests, functions and methods need.
  Heap& heap() { return heap_; }
  Budget& budget() { return heap_.budget; }
  int64_t now() const { return now_; }
  Result<Value> attribute(const Value& object, std::string_view name);
  Result<Value> item(const Value& object, const Value& key);
  Result<Value> call(const Value& callee, Arguments arguments);

 private:
  enum class Flow { kNext, kBreak, kContinue };

  // Statements (execute.cpp). Output goes to out_.
  Result<Flow> execute(const Body& body, Scope& scope);
  Result<Flow> execute(const Stmt& stmt, Scope& scope);
  Result<Flow> execute_if(const Stmt& stmt, Scope& scope);
  Status execute_for(const Stmt& stmt, Scope& scope, const Value& sequence, int depth);
  Status execute_print(const Stmt& stmt, Scope& scope);
  Status execute_call(const Stmt& stmt, Scope& scope);
  Result<Text> captured(const Stmt& stmt, Scope& scope);
  Status assign(const Target& target, Value value, Scope& scope);
  Scope& kept_scope(const Scope* parent);
  Value macro_value(const MacroDefinition& definition, const Scope& scope);

  // Expressions (evaluate.cpp).
  Result<Value> evaluate(const Expr& expr, Scope& scope);
  Result<Value> evaluate_inner(const Expr& expr, Scope& scope);
  Result<Value> evaluate_name(const Expr& expr, Scope& scope);
  Result<Value> evaluate_list(const Expr& expr, Scope& scope);
  Result<Value> evaluate_dict(const Expr& expr, Scope& scope);
  Result<Value> evaluate_slice(const Expr& expr, Scope& scope);
  Result<Value> evaluate_compare(const Expr& expr, Scope& scope);
  Result<Value> evaluate_concat(const Expr& expr, Scope& scope);
  Result<Value> evaluate_call(const Expr& expr, Scope& scope, const Value* caller);
  Result<Value> evaluate_filter(const Expr& expr, Scope& scope, const Value* block);
  Result<Value> evaluate_test(const Expr& expr, Scope& scope);
  Result<Arguments> evaluate_arguments(const CallArguments& written, Scope& scope);

  // Calls (call.cpp).
  Result<Value> call_macro(const Macro& macro, Arguments arguments);
  Status bind_parameters(const MacroDefinition& definition, Arguments& arguments, Scope& inner);
  Result<Value> call_loop(const Loop& loop, const Arguments& arguments);

  Heap& heap_;
  int64_t now_;
  Text* out_ = nullptr;
  // Scopes that macros look into: kept until the end, then emptied one by one.
  std::deque<Scope> kept_scopes_;
};

}  // namespace holdfast::jinja
