#include <optional>

#include "text/jinja/interpreter.h"
#include "text/jinja/python.h"

namespace holdfast::jinja {
namespace {

using Kind = Stmt::Kind;

}  // namespace

Interpreter::~Interpreter() {
  for (Scope& scope : kept_scopes_) scope.clear();
}

Result<Text> Interpreter::render(const Template& source, Scope& variables) {
  Text out;
  out_ = &out;
  // Top-level assignments go to a scope of their own: macros look into it.
  Scope& top = kept_scope(&variables);
  auto done = execute(source.body, top);
  if (!done.has_value()) return fail(std::move(done).error());
  return out;
}

Scope& Interpreter::kept_scope(const Scope* parent) { return kept_scopes_.emplace_back(parent); }

Result<Interpreter::Flow> Interpreter::execute(const Body& body, Scope& scope) {
  for (const auto& stmt : body) {
    auto flow = execute(*stmt, scope);
    if (!flow.has_value()) {
      if (flow.error().where.empty()) {
        flow.error().where = "chat template, line " + std::to_string(stmt->line);
      }
      return flow;
    }
    if (*flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::execute(const Stmt& stmt, Scope& scope) {
  DepthGuard guard(budget());
  RETURN_IF_ERROR(guard.status());
  RETURN_IF_ERROR(budget().steps());
  switch (stmt.kind) {
    case Kind::kData:
      RETURN_IF_ERROR(budget().bytes(stmt.data.text()->size()));
      out_->append(*stmt.data.text());
      break;
    case Kind::kPrint:
      RETURN_IF_ERROR(execute_print(stmt, scope));
      break;
    case Kind::kIf:
      return execute_if(stmt, scope);
    case Kind::kFor: {
      ASSIGN_OR_RETURN(const Value sequence, evaluate(*stmt.value, scope));
      RETURN_IF_ERROR(execute_for(stmt, scope, sequence, 0));
      break;
    }
    case Kind::kSet: {
      ASSIGN_OR_RETURN(Value value, evaluate(*stmt.value, scope));
      RETURN_IF_ERROR(assign(stmt.target, std::move(value), scope));
      break;
    }
    case Kind::kSetBlock: {
      ASSIGN_OR_RETURN(Text text, captured(stmt, scope));
      Value value(std::move(text));
      if (stmt.value) {
        ASSIGN_OR_RETURN(value, evaluate_filter(*stmt.value, scope, &value));
      }
      RETURN_IF_ERROR(assign(stmt.target, std::move(value), scope));
      break;
    }
    case Kind::kMacro:
      scope.set(stmt.macro->name, macro_value(*stmt.macro, scope));
      break;
    case Kind::kCall:
      RETURN_IF_ERROR(execute_call(stmt, scope));
      break;
    case Kind::kFilter: {
      ASSIGN_OR_RETURN(Text text, captured(stmt, scope));
      const Value block(std::move(text));
      ASSIGN_OR_RETURN(const Value value, evaluate_filter(*stmt.value, scope, &block));
      ASSIGN_OR_RETURN(const Text printed, str(value, budget()));
      out_->append(printed);
      break;
    }
    case Kind::kWith: {
      std::optional<Scope> local;
      Scope& inner = stmt.body_keeps_scope ? kept_scope(&scope) : local.emplace(&scope);
      for (size_t i = 0; i < stmt.targets.size(); ++i) {
        ASSIGN_OR_RETURN(Value value, evaluate(*stmt.expressions[i], scope));
        RETURN_IF_ERROR(assign(stmt.targets[i], std::move(value), inner));
      }
      return execute(stmt.body, inner);
    }
    case Kind::kGeneration: {
      ASSIGN_OR_RETURN(const Text text, captured(stmt, scope));
      out_->append(text);
      break;
    }
    case Kind::kBreak:
      return Flow::kBreak;
    case Kind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::execute_if(const Stmt& stmt, Scope& scope) {
  for (const Branch& branch : stmt.branches) {
    ASSIGN_OR_RETURN(const Value condition, evaluate(*branch.condition, scope));
    if (truth(condition)) return execute(branch.body, scope);
  }
  return execute(stmt.else_body, scope);
}

Status Interpreter::execute_for(const Stmt& stmt, Scope& scope, const Value& sequence, int depth) {
  ASSIGN_OR_RETURN(std::vector<Value> items, iterate(sequence, heap_));
  if (stmt.condition) {
    std::vector<Value> chosen;
    for (Value& item : items) {
      RETURN_IF_ERROR(budget().steps());
      Scope inner(&scope);
      RETURN_IF_ERROR(assign(stmt.target, item, inner));
      ASSIGN_OR_RETURN(const Value condition, evaluate(*stmt.condition, inner));
      if (truth(condition)) chosen.push_back(std::move(item));
    }
    items = std::move(chosen);
  }
  if (items.empty()) {
    std::optional<Scope> local;
    Scope& inner = stmt.body_keeps_scope ? kept_scope(&scope) : local.emplace(&scope);
    return execute(stmt.else_body, inner).map([](Flow) {});
  }
  ASSIGN_OR_RETURN(const std::shared_ptr<Loop> loop, heap_.loop());
  loop->items = std::make_shared<List>();
  loop->items->items = std::move(items);
  loop->depth0 = depth;
  if (stmt.recursive) {
    loop->statement = &stmt;
    loop->scope = &scope;
  }
  const std::vector<Value>& all = loop->items->items;
  for (size_t i = 0; i < all.size(); ++i) {
    RETURN_IF_ERROR(budget().steps());
    loop->index0 = i;
    std::optional<Scope> local;
    Scope& inner = stmt.body_keeps_scope ? kept_scope(&scope) : local.emplace(&scope);
    inner.set("loop", Value(loop));
    RETURN_IF_ERROR(assign(stmt.target, all[i], inner));
    ASSIGN_OR_RETURN(const Flow flow, execute(stmt.body, inner));
    if (flow == Flow::kBreak) break;
  }
  return {};
}

Status Interpreter::execute_print(const Stmt& stmt, Scope& scope) {
  for (const ExprPtr& expr : stmt.expressions) {
    ASSIGN_OR_RETURN(const Value value, evaluate(*expr, scope));
    ASSIGN_OR_RETURN(const Text text, str(value, budget()));
    out_->append(text);
  }
  return {};
}

Status Interpreter::execute_call(const Stmt& stmt, Scope& scope) {
  const Value caller = macro_value(*stmt.macro, scope);
  ASSIGN_OR_RETURN(const Value value, evaluate_call(*stmt.value, scope, &caller));
  ASSIGN_OR_RETURN(const Text text, str(value, budget()));
  out_->append(text);
  return {};
}

// What the statement's body prints, in a scope of its own.
Result<Text> Interpreter::captured(const Stmt& stmt, Scope& scope) {
  Text text;
  Text* const outside = std::exchange(out_, &text);
  std::optional<Scope> local;
  Scope& inner = stmt.body_keeps_scope ? kept_scope(&scope) : local.emplace(&scope);
  auto done = execute(stmt.body, inner);
  out_ = outside;
  if (!done.has_value()) return fail(std::move(done).error());
  return text;
}

Status Interpreter::assign(const Target& target, Value value, Scope& scope) {
  if (!target.targets.empty()) {
    ASSIGN_OR_RETURN(std::vector<Value> items, iterate(value, heap_));
    if (items.size() != target.targets.size()) {
      return type_error((items.size() < target.targets.size() ? "not enough values to unpack"
                                                              : "too many values to unpack") +
                        (" (expected " + std::to_string(target.targets.size())) + ")");
    }
    for (size_t i = 0; i < items.size(); ++i) {
      RETURN_IF_ERROR(assign(target.targets[i], std::move(items[i]), scope));
    }
    return {};
  }
  if (target.attribute.empty()) {
    scope.set(target.name, std::move(value));
    return {};
  }
  const Value* name_space = scope.find(target.name);
  if (name_space == nullptr || name_space->name_space() == nullptr) {
    return type_error("cannot assign attribute on non-namespace object");
  }
  name_space->name_space()->attributes.insert_or_assign(target.attribute, std::move(value));
  return {};
}

Value Interpreter::macro_value(const MacroDefinition& definition, const Scope& scope) {
  return MacroRef{std::make_shared<const Macro>(Macro{&definition, &scope})};
}

}  // namespace holdfast::jinja
