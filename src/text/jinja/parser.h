// Tokens to a Template; refuses, by name and line, what the interpreter does not do.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"

namespace holdfast::jinja {

// invalid_argument for what Jinja itself refuses, unimplemented for what lies outside our subset.
Result<Template> parse_template(std::string_view source);

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
  Result<Template> parse();

 private:
  // Statements (parser_statements.cpp).
  Result<Body> body(std::initializer_list<std::string_view> ends);
  Status statement(Body& out);
  Result<Body> block_until(std::initializer_list<std::string_view> ends);
  Status block_end();
  Status end_tag(std::string_view name);
  Status if_statement(Stmt& stmt);
  Status for_statement(Stmt& stmt);
  Status set_statement(Stmt& stmt);
  Status macro_statement(Stmt& stmt);
  Status call_statement(Stmt& stmt);
  Status filter_statement(Stmt& stmt);
  Status with_statement(Stmt& stmt);
  Status print_statement(Stmt& stmt);
  Status parameters(MacroDefinition& macro);
  Result<Body> macro_body(MacroDefinition& macro, std::string_view end);
  Result<Target> target(bool allow_namespace, std::string_view end_name);
  Result<Target> single_target(bool allow_namespace);
  Status check_calls() const;

  // Expressions (parser_expressions.cpp), from the loosest binding to the tightest.
  Result<ExprPtr> tuple(bool allow_conditional, std::string_view end_name, bool in_parentheses);
  Result<ExprPtr> expression(bool allow_conditional = true);
  Result<ExprPtr> conditional();
  Result<ExprPtr> or_expression();
  Result<ExprPtr> and_expression();
  Result<ExprPtr> not_expression();
  Result<ExprPtr> comparison();
  Result<ExprPtr> sum();
  Result<ExprPtr> concatenation();
  Result<ExprPtr> product();
  Result<ExprPtr> power();
  Result<ExprPtr> unary(bool with_filters = true);
  Result<ExprPtr> primary();
  Result<ExprPtr> list_literal();
  Result<ExprPtr> dict_literal();
  Result<ExprPtr> postfix(ExprPtr node);
  Result<ExprPtr> subscript(ExprPtr node);
  Result<ExprPtr> filters_and_tests(ExprPtr node);
  Result<ExprPtr> call(ExprPtr node);
  Result<CallArguments> call_arguments();
  // At least one filter; `node` may be null. The current token is the name of the first.
  Result<ExprPtr> filter_chain(ExprPtr node);
  Result<ExprPtr> test(ExprPtr node);
  using Level = Result<ExprPtr> (Parser::*)();
  Result<ExprPtr> left_associative(Level next, std::initializer_list<std::string_view> operators);
  Result<ExprPtr> make(Expr::Kind kind, int line, std::vector<ExprPtr> children) const;
  bool at_tuple_end(std::string_view end_name) const;

  const Token& current() const { return tokens_[at_]; }
  const Token& ahead(size_t n = 1) const { return tokens_[std::min(at_ + n, tokens_.size() - 1)]; }
  void next() { at_ = std::min(at_ + 1, tokens_.size() - 1); }
  bool skip_operator(std::string_view op);
  bool skip_name(std::string_view name);
  Status expect_operator(std::string_view op);
  Result<std::string> expect_name();
  tl::unexpected<Error> unexpected() const;

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;     // of nested expressions and statements
  int closures_ = 0;  // macros and call blocks seen
  int loops_ = 0;     // for statements around, within the macro
  // For the check of called names: what the template itself defines or asks about, and what it
  // calls. Names seen anywhere count: refusing is for what can never work.
  std::set<std::string, std::less<>> defined_, mentioned_;
  std::vector<std::pair<std::string, int>> called_;
};

}  // namespace holdfast::jinja
