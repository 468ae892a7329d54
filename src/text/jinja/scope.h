// The variables of a template, one scope inside another.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/value.h"

namespace holdfast::jinja {

// Names are views into the template or into what the caller keeps. Few names a scope: looked up one
// after the other.
class Scope {
 public:
  explicit Scope(const Scope* parent) : parent_(parent) {}
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  // Here or further out; null if nowhere.
  const Value* find(std::string_view name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->parent_) {
      for (const auto& [other, value] : scope->names_) {
        if (other == name) return &value;
      }
    }
    return nullptr;
  }
  // Here, whatever stands further out.
  void set(std::string_view name, Value value) {
    for (auto& [other, old] : names_) {
      if (other == name) {
        old = std::move(value);
        return;
      }
    }
    names_.emplace_back(name, std::move(value));
  }
  void clear() { names_.clear(); }

 private:
  const Scope* parent_;
  std::vector<std::pair<std::string_view, Value>> names_;
};

// A macro as a value: its text, and the scope it sees.
struct Macro {
  const MacroDefinition* definition = nullptr;
  const Scope* scope = nullptr;
};

}  // namespace holdfast::jinja
