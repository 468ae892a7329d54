#include <algorithm>

#include "text/jinja/functions.h"
#include "text/jinja/parser.h"

namespace holdfast::jinja {
namespace {

using Kind = Stmt::Kind;
using Type = Token::Type;

constexpr int kMaxNestedBlocks = 60;

std::string described(const Token& token) {
  switch (token.type) {
    case Type::kData:
      return "text";
    case Type::kVariableBegin:
      return "{{";
    case Type::kVariableEnd:
      return "}}";
    case Type::kBlockBegin:
      return "{%";
    case Type::kBlockEnd:
      return "%}";
    case Type::kString:
      return "a string";
    case Type::kEnd:
      return "end of the template";
    default:
      return "'" + token.text + "'";
  }
}

}  // namespace

tl::unexpected<Error> Parser::unexpected() const {
  return syntax_error("an unexpected " + described(current()), current().line);
}

bool Parser::skip_operator(std::string_view op) {
  if (!current().is_operator(op)) return false;
  next();
  return true;
}

bool Parser::skip_name(std::string_view name) {
  if (!current().is_name(name)) return false;
  next();
  return true;
}

Status Parser::expect_operator(std::string_view op) {
  if (skip_operator(op)) return {};
  return syntax_error(described(current()) + " where '" + std::string(op) + "' belongs",
                      current().line);
}

Result<std::string> Parser::expect_name() {
  if (!current().is(Type::kName)) return unexpected();
  std::string name = current().text;
  next();
  return name;
}

Status Parser::block_end() {
  if (!current().is(Type::kBlockEnd)) return unexpected();
  next();
  return {};
}

// Statements up to a tag named by one of `ends`; stands on that name afterwards. Without `ends`:
// to the end of the template.
Result<Body> Parser::body(std::initializer_list<std::string_view> ends) {
  Body out;
  while (true) {
    const Token& token = current();
    if (token.is(Type::kEnd)) {
      if (ends.size() == 0) return out;
      return syntax_error("no '" + std::string(*ends.begin()) + "' before its end", token.line);
    }
    auto stmt = std::make_unique<Stmt>();
    stmt->line = token.line;
    if (token.is(Type::kData)) {
      stmt->data = Value::string(token.text, /*trusted=*/true);
      next();
    } else if (token.is(Type::kVariableBegin)) {
      next();
      stmt->kind = Kind::kPrint;
      ASSIGN_OR_RETURN(ExprPtr value, tuple(true, "", false));
      stmt->expressions.push_back(std::move(value));
      if (!current().is(Type::kVariableEnd)) return unexpected();
      next();
    } else {
      next();  // {%
      if (std::any_of(ends.begin(), ends.end(),
                      [&](std::string_view end) { return current().is_name(end); })) {
        return out;
      }
      RETURN_IF_ERROR(statement(out));
      continue;
    }
    out.push_back(std::move(stmt));
  }
}

// The end of the opening tag, the statements, and the name of the tag that ends them, taken.
Result<Body> Parser::block_until(std::initializer_list<std::string_view> ends) {
  if (++depth_ > kMaxNestedBlocks) return not_in_subset("too deeply nested blocks", current().line);
  skip_operator(":");
  RETURN_IF_ERROR(block_end());
  ASSIGN_OR_RETURN(Body out, body(ends));
  --depth_;
  return out;
}

Status Parser::end_tag(std::string_view name) {
  if (!skip_name(name)) return unexpected();
  return block_end();
}

Status Parser::statement(Body& out) {
  auto stmt = std::make_unique<Stmt>();
  stmt->line = current().line;
  const int line = stmt->line;
  ASSIGN_OR_RETURN(const std::string name, expect_name());
  if (name == "if") {
    RETURN_IF_ERROR(if_statement(*stmt));
  } else if (name == "for") {
    RETURN_IF_ERROR(for_statement(*stmt));
  } else if (name == "set") {
    RETURN_IF_ERROR(set_statement(*stmt));
  } else if (name == "macro") {
    RETURN_IF_ERROR(macro_statement(*stmt));
  } else if (name == "call") {
    RETURN_IF_ERROR(call_statement(*stmt));
  } else if (name == "filter") {
    RETURN_IF_ERROR(filter_statement(*stmt));
  } else if (name == "with") {
    RETURN_IF_ERROR(with_statement(*stmt));
  } else if (name == "print") {
    RETURN_IF_ERROR(print_statement(*stmt));
  } else if (name == "generation") {
    stmt->kind = Kind::kGeneration;
    const int loops = std::exchange(loops_, 0);  // Jinja makes a function of it
    const int closures = closures_;
    ASSIGN_OR_RETURN(stmt->body, block_until({"endgeneration"}));
    stmt->body_keeps_scope = closures_ != closures;
    loops_ = loops;
    RETURN_IF_ERROR(end_tag("endgeneration"));
  } else if (name == "break" || name == "continue") {
    if (loops_ == 0) return syntax_error("a '" + name + "' outside a loop", line);
    stmt->kind = name == "break" ? Kind::kBreak : Kind::kContinue;
    RETURN_IF_ERROR(block_end());
  } else if (name.starts_with("end") || name == "else" || name == "elif") {
    return syntax_error("an unexpected '" + name + "'", line);
  } else {
    return not_in_subset("the tag '" + name + "'", line);
  }
  out.push_back(std::move(stmt));
  return {};
}

Status Parser::if_statement(Stmt& stmt) {
  stmt.kind = Kind::kIf;
  while (true) {
    Branch branch;
    ASSIGN_OR_RETURN(branch.condition, tuple(false, "", false));
    ASSIGN_OR_RETURN(branch.body, block_until({"endif", "elif", "else"}));
    stmt.branches.push_back(std::move(branch));
    if (skip_name("elif")) continue;
    if (skip_name("else")) {
      ASSIGN_OR_RETURN(stmt.else_body, block_until({"endif"}));
    }
    return end_tag("endif");
  }
}

Status Parser::for_statement(Stmt& stmt) {
  stmt.kind = Kind::kFor;
  ASSIGN_OR_RETURN(stmt.target, target(false, "in"));
  if (!skip_name("in")) return unexpected();
  ASSIGN_OR_RETURN(stmt.value, tuple(false, "recursive", false));
  if (skip_name("if")) {
    ASSIGN_OR_RETURN(stmt.condition, expression());
  }
  stmt.recursive = skip_name("recursive");
  const int closures = closures_;
  ++loops_;
  ASSIGN_OR_RETURN(stmt.body, block_until({"endfor", "else"}));
  --loops_;
  // loop(...) of a recursive for runs in the scope around it.
  if (stmt.recursive) ++closures_;
  if (skip_name("else")) {
    ASSIGN_OR_RETURN(stmt.else_body, block_until({"endfor"}));
  }
  stmt.body_keeps_scope = closures_ != closures;
  return end_tag("endfor");
}

Status Parser::set_statement(Stmt& stmt) {
  ASSIGN_OR_RETURN(stmt.target, target(true, ""));
  if (skip_operator("=")) {
    stmt.kind = Kind::kSet;
    ASSIGN_OR_RETURN(stmt.value, tuple(true, "", false));
    return block_end();
  }
  stmt.kind = Kind::kSetBlock;
  if (!stmt.target.targets.empty()) return syntax_error("a block set of several names", stmt.line);
  if (skip_operator("|")) {
    ASSIGN_OR_RETURN(stmt.value, filter_chain(nullptr));
  }
  const int closures = closures_;
  ASSIGN_OR_RETURN(stmt.body, block_until({"endset"}));
  stmt.body_keeps_scope = closures_ != closures;
  return end_tag("endset");
}

Status Parser::parameters(MacroDefinition& macro) {
  RETURN_IF_ERROR(expect_operator("("));
  while (!current().is_operator(")")) {
    if (!macro.parameters.empty()) RETURN_IF_ERROR(expect_operator(","));
    Parameter parameter;
    const int line = current().line;
    ASSIGN_OR_RETURN(parameter.name, expect_name());
    defined_.insert(parameter.name);
    if (skip_operator("=")) {
      ASSIGN_OR_RETURN(parameter.otherwise, expression());
    } else if (!macro.parameters.empty() && macro.parameters.back().otherwise) {
      return syntax_error("a parameter without a default after one with", line);
    }
    macro.parameters.push_back(std::move(parameter));
  }
  next();
  return {};
}

Result<Body> Parser::macro_body(MacroDefinition& macro, std::string_view end) {
  const int loops = std::exchange(loops_, 0);
  std::set<std::string, std::less<>> outside = std::exchange(mentioned_, {});
  ASSIGN_OR_RETURN(Body out, block_until({end}));
  macro.uses_varargs = mentioned_.contains("varargs");
  macro.uses_kwargs = mentioned_.contains("kwargs");
  macro.uses_caller = mentioned_.contains("caller");
  mentioned_.merge(outside);
  loops_ = loops;
  ++closures_;
  RETURN_IF_ERROR(end_tag(end));
  return out;
}

Status Parser::macro_statement(Stmt& stmt) {
  stmt.kind = Kind::kMacro;
  stmt.macro = std::make_shared<MacroDefinition>();
  ASSIGN_OR_RETURN(stmt.macro->name, expect_name());
  defined_.insert(stmt.macro->name);
  RETURN_IF_ERROR(parameters(*stmt.macro));
  ASSIGN_OR_RETURN(stmt.macro->body, macro_body(*stmt.macro, "endmacro"));
  return {};
}

Status Parser::call_statement(Stmt& stmt) {
  stmt.kind = Kind::kCall;
  stmt.macro = std::make_shared<MacroDefinition>();
  stmt.macro->name = "caller";
  if (current().is_operator("(")) RETURN_IF_ERROR(parameters(*stmt.macro));
  ASSIGN_OR_RETURN(stmt.value, expression());
  if (stmt.value->kind != Expr::Kind::kCall) {
    return syntax_error("a call block that calls nothing", stmt.line);
  }
  ASSIGN_OR_RETURN(stmt.macro->body, macro_body(*stmt.macro, "endcall"));
  return {};
}

Status Parser::filter_statement(Stmt& stmt) {
  stmt.kind = Kind::kFilter;
  ASSIGN_OR_RETURN(stmt.value, filter_chain(nullptr));
  const int closures = closures_;
  ASSIGN_OR_RETURN(stmt.body, block_until({"endfilter"}));
  stmt.body_keeps_scope = closures_ != closures;
  return end_tag("endfilter");
}

Status Parser::with_statement(Stmt& stmt) {
  stmt.kind = Kind::kWith;
  while (!current().is(Type::kBlockEnd)) {
    if (!stmt.targets.empty()) RETURN_IF_ERROR(expect_operator(","));
    ASSIGN_OR_RETURN(Target name, single_target(false));
    stmt.targets.push_back(std::move(name));
    RETURN_IF_ERROR(expect_operator("="));
    ASSIGN_OR_RETURN(ExprPtr value, expression());
    stmt.expressions.push_back(std::move(value));
  }
  const int closures = closures_;
  ASSIGN_OR_RETURN(stmt.body, block_until({"endwith"}));
  stmt.body_keeps_scope = closures_ != closures;
  return end_tag("endwith");
}

Status Parser::print_statement(Stmt& stmt) {
  stmt.kind = Kind::kPrint;
  while (!current().is(Type::kBlockEnd)) {
    if (!stmt.expressions.empty()) RETURN_IF_ERROR(expect_operator(","));
    ASSIGN_OR_RETURN(ExprPtr value, expression());
    stmt.expressions.push_back(std::move(value));
  }
  return block_end();
}

Result<Target> Parser::single_target(bool allow_namespace) {
  static constexpr std::string_view kReserved[] = {"true", "false", "none",
                                                   "True", "False", "None"};
  Target out;
  const int line = current().line;
  if (skip_operator("(")) {
    ASSIGN_OR_RETURN(out, target(allow_namespace, ""));
    RETURN_IF_ERROR(expect_operator(")"));
    return out;
  }
  ASSIGN_OR_RETURN(out.name, expect_name());
  if (std::find(std::begin(kReserved), std::end(kReserved), out.name) != std::end(kReserved)) {
    return syntax_error("an assignment to '" + out.name + "'", line);
  }
  if (allow_namespace && skip_operator(".")) {
    ASSIGN_OR_RETURN(out.attribute, expect_name());
    if (out.attribute.starts_with("_")) {
      return not_in_subset("the namespace attribute '" + out.attribute + "'", line);
    }
  } else {
    defined_.insert(out.name);
  }
  return out;
}

// One target, or several with commas between, up to `end_name`, "=" or the end of the tag.
Result<Target> Parser::target(bool allow_namespace, std::string_view end_name) {
  if (++depth_ > kMaxNestedBlocks) return not_in_subset("too deeply nested blocks", current().line);
  ASSIGN_OR_RETURN(Target first, single_target(allow_namespace));
  if (current().is_operator(",")) {
    Target several;
    several.targets.push_back(std::move(first));
    while (skip_operator(",")) {
      if (at_tuple_end(end_name) || current().is_operator("=")) break;
      ASSIGN_OR_RETURN(Target another, single_target(allow_namespace));
      several.targets.push_back(std::move(another));
    }
    first = std::move(several);
  }
  --depth_;
  return first;
}

// A function that neither we nor the template define can never be called.
Status Parser::check_calls() const {
  for (const auto& [name, line] : called_) {
    if (!defined_.contains(name) && name != "caller" && name != "loop" && !find_function(name)) {
      return not_in_subset("the function '" + name + "'", line);
    }
  }
  return {};
}

Result<Template> Parser::parse() {
  Template out;
  ASSIGN_OR_RETURN(out.body, body({}));
  RETURN_IF_ERROR(check_calls());
  return out;
}

Result<Template> parse_template(std::string_view source) {
  ASSIGN_OR_RETURN(std::vector<Token> tokens, tokenize(source));
  return Parser(std::move(tokens)).parse();
}

}  // namespace holdfast::jinja
