// The parsed template. Built by the parser, never changed afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "text/jinja/value.h"

namespace holdfast::jinja {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;
struct Stmt;
using Body = std::vector<std::unique_ptr<Stmt>>;

// Arguments of a call as written: a, b, key=c, *list, **dict.
struct CallArguments {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr list, dict;
};

struct Expr {
  enum class Kind {
    kConstant,     // constant
    kName,         // name
    kList,         // children
    kTuple,        // children
    kDict,         // children: key, value, key, value, ...
    kAttribute,    // children[0].name
    kItem,         // children[0][children[1]]
    kSlice,        // children[0][children[1]:children[2]:children[3]], each of the three or null
    kCall,         // children[0](arguments)
    kFilter,       // children[0]|entry(arguments); children[0] is null in {% filter %}
    kTest,         // children[0] is entry(arguments)
    kNot,          // not children[0]
    kNegate,       // -children[0]
    kAnd,          // children[0] and children[1]
    kOr,           // children[0] or children[1]
    kArithmetic,   // children[0] name children[1]
    kConcat,       // children[0] ~ children[1] ~ ...
    kCompare,      // children[0] operators[0] children[1] operators[1] children[2] ...
    kConditional,  // children[1] if children[0] else children[2], which may be null
  };
  Kind kind = Kind::kConstant;
  int line = 1;
  int height = 1;  // of the tree below: what the parser bounds
  Value constant;
  std::string name;
  size_t entry = 0;  // index into the table of filters, or of tests
  std::vector<ExprPtr> children;
  std::vector<std::string> operators;
  CallArguments arguments;
};

// What {% set %} and {% for %} write to: a name, an attribute of a namespace, or several of them.
struct Target {
  std::string name;
  std::string attribute;        // of the namespace `name`; empty: `name` itself
  std::vector<Target> targets;  // not empty: unpacking
};

struct Parameter {
  std::string name;
  ExprPtr otherwise;  // the default, or null
};

// What {% macro %} and {% call %} define.
struct MacroDefinition {
  std::string name;
  std::vector<Parameter> parameters;
  Body body;
  bool uses_varargs = false, uses_kwargs = false, uses_caller = false;
};

struct Branch {
  ExprPtr condition;
  Body body;
};

struct Stmt {
  enum class Kind {
    kData,        // value, trusted
    kPrint,       // expressions
    kIf,          // branches, else_body
    kFor,         // target in value if condition: body, else_body
    kSet,         // target = value
    kSetBlock,    // target = body, through value (filters on nothing) if not null
    kMacro,       // macro
    kCall,        // value (a call), with macro as its caller
    kFilter,      // value (filters on nothing) of body
    kWith,        // targets[i] = expressions[i]; body
    kGeneration,  // body, in a scope of its own
    kBreak,
    kContinue,
  };
  Kind kind = Kind::kData;
  int line = 1;
  Value data;
  ExprPtr value, condition;
  std::vector<ExprPtr> expressions;
  std::vector<Branch> branches;
  Body body, else_body;
  Target target;
  std::vector<Target> targets;
  std::shared_ptr<MacroDefinition> macro;
  bool recursive = false;
  // A macro or call block stands somewhere inside: the scope must outlive the statement.
  bool body_keeps_scope = false;
};

struct Template {
  Body body;
};

}  // namespace holdfast::jinja
