#include <algorithm>

#include "text/jinja/filters.h"
#include "text/jinja/methods.h"
#include "text/jinja/parser.h"
#include "text/jinja/tests.h"

namespace holdfast::jinja {
namespace {

using Kind = Expr::Kind;
using Type = Token::Type;

// Bounds the stack of parsing, evaluating and destroying.
constexpr int kMaxNesting = 100;
constexpr int kMaxHeight = 300;

// Counts one level of recursion while it lives.
class Nesting {
 public:
  explicit Nesting(int& depth) : depth_(depth) { ++depth_; }
  ~Nesting() { --depth_; }
  bool too_deep() const { return depth_ > kMaxNesting; }

 private:
  int& depth_;
};

template <class... Children>
std::vector<ExprPtr> list_of(Children... children) {
  std::vector<ExprPtr> out;
  (out.push_back(std::move(children)), ...);
  return out;
}

}  // namespace

Result<ExprPtr> Parser::make(Kind kind, int line, std::vector<ExprPtr> children) const {
  auto node = std::make_unique<Expr>();
  node->kind = kind;
  node->line = line;
  for (const ExprPtr& child : children) {
    if (child) node->height = std::max(node->height, child->height + 1);
  }
  if (node->height > kMaxHeight) return not_in_subset("an expression of too many parts", line);
  node->children = std::move(children);
  return node;
}

bool Parser::at_tuple_end(std::string_view end_name) const {
  return current().is(Type::kVariableEnd) || current().is(Type::kBlockEnd) ||
         current().is_operator(")") || (!end_name.empty() && current().is_name(end_name));
}

// One expression, or several with commas between: a tuple.
Result<ExprPtr> Parser::tuple(bool allow_conditional, std::string_view end_name,
                              bool in_parentheses) {
  const int line = current().line;
  std::vector<ExprPtr> items;
  bool is_tuple = false;
  while (true) {
    if (!items.empty()) RETURN_IF_ERROR(expect_operator(","));
    if (at_tuple_end(end_name)) break;
    ASSIGN_OR_RETURN(ExprPtr item, expression(allow_conditional));
    items.push_back(std::move(item));
    if (!current().is_operator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && !items.empty()) return std::move(items[0]);
  if (!is_tuple && !in_parentheses) return unexpected();
  return make(Kind::kTuple, line, std::move(items));
}

Result<ExprPtr> Parser::expression(bool allow_conditional) {
  Nesting nesting(depth_);
  if (nesting.too_deep()) return not_in_subset("too deeply nested expressions", current().line);
  return allow_conditional ? conditional() : or_expression();
}

Result<ExprPtr> Parser::conditional() {
  int line = current().line;
  ASSIGN_OR_RETURN(ExprPtr value, or_expression());
  while (skip_name("if")) {
    ASSIGN_OR_RETURN(ExprPtr condition, or_expression());
    ExprPtr otherwise;
    if (skip_name("else")) {
      ASSIGN_OR_RETURN(otherwise, expression());
    }
    ASSIGN_OR_RETURN(value,
                     make(Kind::kConditional, line,
                          list_of(std::move(condition), std::move(value), std::move(otherwise))));
    line = current().line;
  }
  return value;
}

Result<ExprPtr> Parser::or_expression() {
  int line = current().line;
  ASSIGN_OR_RETURN(ExprPtr left, and_expression());
  while (skip_name("or")) {
    ASSIGN_OR_RETURN(ExprPtr right, and_expression());
    ASSIGN_OR_RETURN(left, make(Kind::kOr, line, list_of(std::move(left), std::move(right))));
    line = current().line;
  }
  return left;
}

Result<ExprPtr> Parser::and_expression() {
  int line = current().line;
  ASSIGN_OR_RETURN(ExprPtr left, not_expression());
  while (skip_name("and")) {
    ASSIGN_OR_RETURN(ExprPtr right, not_expression());
    ASSIGN_OR_RETURN(left, make(Kind::kAnd, line, list_of(std::move(left), std::move(right))));
    line = current().line;
  }
  return left;
}

Result<ExprPtr> Parser::not_expression() {
  Nesting nesting(depth_);
  if (nesting.too_deep()) return not_in_subset("too deeply nested expressions", current().line);
  const int line = current().line;
  if (!skip_name("not")) return comparison();
  ASSIGN_OR_RETURN(ExprPtr inner, not_expression());
  return make(Kind::kNot, line, list_of(std::move(inner)));
}

Result<ExprPtr> Parser::comparison() {
  static constexpr std::string_view kOperators[] = {"==", "!=", "<", "<=", ">", ">="};
  const int line = current().line;
  ASSIGN_OR_RETURN(ExprPtr first, sum());
  std::vector<ExprPtr> operands = list_of(std::move(first));
  std::vector<std::string> operators;
  while (true) {
    const bool symbol = current().is(Type::kOperator) &&
                        std::find(std::begin(kOperators), std::end(kOperators), current().text) !=
                            std::end(kOperators);
    if (symbol || current().is_name("in")) {
      operators.push_back(current().text);
      next();
    } else if (current().is_name("not") && ahead().is_name("in")) {
      operators.push_back("not in");
      next();
      next();
    } else {
      break;
    }
    ASSIGN_OR_RETURN(ExprPtr operand, sum());
    operands.push_back(std::move(operand));
  }
  if (operators.empty()) return std::move(operands[0]);
  ASSIGN_OR_RETURN(ExprPtr node, make(Kind::kCompare, line, std::move(operands)));
  node->operators = std::move(operators);
  return node;
}

Result<ExprPtr> Parser::left_associative(Level level,
                                         std::initializer_list<std::string_view> operators) {
  int line = current().line;
  ASSIGN_OR_RETURN(ExprPtr left, (this->*level)());
  while (current().is(Type::kOperator) &&
         std::find(operators.begin(), operators.end(), current().text) != operators.end()) {
    std::string op = current().text;
    next();
    ASSIGN_OR_RETURN(ExprPtr right, (this->*level)());
    ASSIGN_OR_RETURN(left,
                     make(Kind::kArithmetic, line, list_of(std::move(left), std::move(right))));
    left->name = std::move(op);
    line = current().line;
  }
  return left;
}

Result<ExprPtr> Parser::sum() { return left_associative(&Parser::concatenation, {"+", "-"}); }

Result<ExprPtr> Parser::concatenation() {
  const int line = current().line;
  ASSIGN_OR_RETURN(ExprPtr first, product());
  std::vector<ExprPtr> parts = list_of(std::move(first));
  while (skip_operator("~")) {
    ASSIGN_OR_RETURN(ExprPtr part, product());
    parts.push_back(std::move(part));
  }
  if (parts.size() == 1) return std::move(parts[0]);
  return make(Kind::kConcat, line, std::move(parts));
}

Result<ExprPtr> Parser::product() {
  return left_associative(&Parser::power, {"*", "/", "//", "%"});
}

Result<ExprPtr> Parser::power() {
  int line = current().line;
  ASSIGN_OR_RETURN(ExprPtr left, unary());
  while (skip_operator("**")) {
    ASSIGN_OR_RETURN(ExprPtr right, unary());
    ASSIGN_OR_RETURN(left,
                     make(Kind::kArithmetic, line, list_of(std::move(left), std::move(right))));
    left->name = "**";
    line = current().line;
  }
  return left;
}

Result<ExprPtr> Parser::unary(bool with_filters) {
  Nesting nesting(depth_);
  if (nesting.too_deep()) return not_in_subset("too deeply nested expressions", current().line);
  const int line = current().line;
  ExprPtr node;
  if (skip_operator("-")) {
    ASSIGN_OR_RETURN(ExprPtr inner, unary(false));
    ASSIGN_OR_RETURN(node, make(Kind::kNegate, line, list_of(std::move(inner))));
  } else if (current().is_operator("+")) {
    return not_in_subset("the unary operator +", line);
  } else {
    ASSIGN_OR_RETURN(node, primary());
  }
  ASSIGN_OR_RETURN(node, postfix(std::move(node)));
  if (!with_filters) return node;
  return filters_and_tests(std::move(node));
}

Result<ExprPtr> Parser::primary() {
  const Token token = current();
  if (token.is_operator("[")) return list_literal();
  if (token.is_operator("{")) return dict_literal();
  if (token.is_operator("(")) {
    next();
    ASSIGN_OR_RETURN(ExprPtr inner, tuple(true, "", true));
    RETURN_IF_ERROR(expect_operator(")"));
    return inner;
  }
  ASSIGN_OR_RETURN(ExprPtr node, make(Kind::kConstant, token.line, {}));
  if (token.is(Type::kString)) {
    std::string text;
    for (; current().is(Type::kString); next()) text += current().text;
    node->constant = Value::string(std::move(text), /*trusted=*/true);
    return node;
  }
  if (!token.is(Type::kInteger) && !token.is(Type::kFloat) && !token.is(Type::kName)) {
    return unexpected();
  }
  next();
  if (token.is(Type::kInteger)) {
    node->constant = Value(token.integer);
  } else if (token.is(Type::kFloat)) {
    node->constant = Value(token.number);
  } else if (token.text == "true" || token.text == "True" || token.text == "false" ||
             token.text == "False") {
    node->constant = Value(token.text[0] == 't' || token.text[0] == 'T');
  } else if (token.text == "none" || token.text == "None") {
    node->constant = Value(None{});
  } else {
    node->kind = Kind::kName;
    node->name = token.text;
    mentioned_.insert(token.text);
  }
  return node;
}

Result<ExprPtr> Parser::list_literal() {
  const int line = current().line;
  next();
  std::vector<ExprPtr> items;
  while (!current().is_operator("]")) {
    if (!items.empty()) RETURN_IF_ERROR(expect_operator(","));
    if (current().is_operator("]")) break;
    ASSIGN_OR_RETURN(ExprPtr item, expression());
    items.push_back(std::move(item));
  }
  next();
  return make(Kind::kList, line, std::move(items));
}

Result<ExprPtr> Parser::dict_literal() {
  const int line = current().line;
  next();
  std::vector<ExprPtr> items;
  while (!current().is_operator("}")) {
    if (!items.empty()) RETURN_IF_ERROR(expect_operator(","));
    if (current().is_operator("}")) break;
    ASSIGN_OR_RETURN(ExprPtr key, expression());
    items.push_back(std::move(key));
    RETURN_IF_ERROR(expect_operator(":"));
    ASSIGN_OR_RETURN(ExprPtr value, expression());
    items.push_back(std::move(value));
  }
  next();
  return make(Kind::kDict, line, std::move(items));
}

Result<ExprPtr> Parser::postfix(ExprPtr node) {
  while (true) {
    if (current().is_operator(".") || current().is_operator("[")) {
      ASSIGN_OR_RETURN(node, subscript(std::move(node)));
    } else if (current().is_operator("(")) {
      ASSIGN_OR_RETURN(node, call(std::move(node)));
    } else {
      return node;
    }
  }
}

Result<ExprPtr> Parser::subscript(ExprPtr node) {
  const int line = current().line;
  if (skip_operator(".")) {
    if (current().is(Type::kInteger)) {
      ASSIGN_OR_RETURN(ExprPtr index, primary());
      return make(Kind::kItem, line, list_of(std::move(node), std::move(index)));
    }
    ASSIGN_OR_RETURN(std::string name, expect_name());
    ASSIGN_OR_RETURN(ExprPtr attribute, make(Kind::kAttribute, line, list_of(std::move(node))));
    attribute->name = std::move(name);
    return attribute;
  }
  next();  // [
  ExprPtr parts[3];
  bool is_slice = false;
  for (int i = 0; i < 3; ++i) {
    if (!current().is_operator(":") && !current().is_operator("]")) {
      ASSIGN_OR_RETURN(parts[i], expression());
    }
    if (i == 2 || !skip_operator(":")) break;
    is_slice = true;
  }
  if (current().is_operator(",")) return not_in_subset("an index of several parts", line);
  RETURN_IF_ERROR(expect_operator("]"));
  if (is_slice) {
    return make(
        Kind::kSlice, line,
        list_of(std::move(node), std::move(parts[0]), std::move(parts[1]), std::move(parts[2])));
  }
  if (!parts[0]) return syntax_error("an index without a value", line);
  return make(Kind::kItem, line, list_of(std::move(node), std::move(parts[0])));
}

Result<ExprPtr> Parser::filters_and_tests(ExprPtr node) {
  while (true) {
    if (skip_operator("|")) {
      ASSIGN_OR_RETURN(node, filter_chain(std::move(node)));
    } else if (current().is_name("is")) {
      ASSIGN_OR_RETURN(node, test(std::move(node)));
    } else if (current().is_operator("(")) {
      ASSIGN_OR_RETURN(node, call(std::move(node)));
    } else {
      return node;
    }
  }
}

Result<ExprPtr> Parser::call(ExprPtr node) {
  const int line = current().line;
  if (node->kind == Kind::kName) called_.emplace_back(node->name, line);
  if (node->kind == Kind::kAttribute && !is_known_method(node->name)) {
    return not_in_subset("the method '" + node->name + "'", line);
  }
  ASSIGN_OR_RETURN(CallArguments arguments, call_arguments());
  ASSIGN_OR_RETURN(ExprPtr call, make(Kind::kCall, line, list_of(std::move(node))));
  call->arguments = std::move(arguments);
  return call;
}

Result<CallArguments> Parser::call_arguments() {
  CallArguments arguments;
  const int line = current().line;
  RETURN_IF_ERROR(expect_operator("("));
  for (bool first = true; !current().is_operator(")"); first = false) {
    if (!first) RETURN_IF_ERROR(expect_operator(","));
    if (current().is_operator(")")) break;
    if (arguments.dict) return syntax_error("arguments after **", line);
    if (skip_operator("**")) {
      ASSIGN_OR_RETURN(arguments.dict, expression());
    } else if (current().is_operator("*")) {
      if (arguments.list) return syntax_error("a second * in a call", line);
      next();
      ASSIGN_OR_RETURN(arguments.list, expression());
    } else if (current().is(Type::kName) && ahead().is_operator("=")) {
      std::string name = current().text;
      next();
      next();
      ASSIGN_OR_RETURN(ExprPtr value, expression());
      arguments.named.emplace_back(std::move(name), std::move(value));
    } else {
      if (arguments.list || !arguments.named.empty()) {
        return syntax_error("a positional argument after others", line);
      }
      ASSIGN_OR_RETURN(ExprPtr value, expression());
      arguments.positional.push_back(std::move(value));
    }
  }
  next();
  return arguments;
}

Result<ExprPtr> Parser::filter_chain(ExprPtr node) {
  do {
    const int line = current().line;
    ASSIGN_OR_RETURN(const std::string name, expect_name());
    const auto entry = find_filter(name);
    if (!entry) return not_in_subset("the filter '" + name + "'", line);
    ASSIGN_OR_RETURN(node, make(Kind::kFilter, line, list_of(std::move(node))));
    node->name = name;
    node->entry = *entry;
    if (current().is_operator("(")) {
      ASSIGN_OR_RETURN(node->arguments, call_arguments());
    }
  } while (skip_operator("|"));
  return node;
}

Result<ExprPtr> Parser::test(ExprPtr node) {
  const int line = current().line;
  next();  // is
  const bool negated = skip_name("not");
  // none, true, false are names here
  ASSIGN_OR_RETURN(const std::string name, expect_name());
  const auto entry = find_test(name);
  if (!entry) return not_in_subset("the test '" + name + "'", line);
  if (node->kind == Kind::kName && (name == "defined" || name == "undefined")) {
    defined_.insert(node->name);  // it asks before it calls
  }
  CallArguments arguments;
  const Token& token = current();
  if (token.is_operator("(")) {
    ASSIGN_OR_RETURN(arguments, call_arguments());
  } else if ((token.is(Type::kName) && !token.is_name("else") && !token.is_name("or") &&
              !token.is_name("and")) ||
             token.is(Type::kString) || token.is(Type::kInteger) || token.is(Type::kFloat) ||
             token.is_operator("[") || token.is_operator("{")) {
    if (token.is_name("is")) return syntax_error("two tests in a row", line);
    // As Jinja: what follows a test without parentheses is its argument, unless a word that
    // cannot begin one comes (if, in, not, ... would be taken for names there too).
    ASSIGN_OR_RETURN(ExprPtr argument, primary());
    ASSIGN_OR_RETURN(argument, postfix(std::move(argument)));
    arguments.positional.push_back(std::move(argument));
  }
  ASSIGN_OR_RETURN(node, make(Kind::kTest, line, list_of(std::move(node))));
  node->name = name;
  node->entry = *entry;
  node->arguments = std::move(arguments);
  if (!negated) return node;
  return make(Kind::kNot, line, list_of(std::move(node)));
}

}  // namespace holdfast::jinja
