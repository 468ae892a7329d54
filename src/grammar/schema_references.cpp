#include "grammar/schema_references.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "grammar/grammar.h"

namespace holdfast::grammar {

namespace {

constexpr size_t kMostConjuncts = 64;

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = static_cast<char>(c | 32);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// One step of a JSON pointer in a URI fragment.
std::string unescape(std::string_view step) {
  std::string out;
  for (size_t i = 0; i < step.size(); ++i) {
    if (step[i] == '%' && i + 2 < step.size() && hex(step[i + 1]) >= 0 && hex(step[i + 2]) >= 0) {
      out += static_cast<char>(hex(step[i + 1]) * 16 + hex(step[i + 2]));
      i += 2;
    } else {
      out += step[i];
    }
  }
  std::string plain;
  for (size_t i = 0; i < out.size(); ++i) {
    if (out[i] == '~' && i + 1 < out.size() && (out[i + 1] == '0' || out[i + 1] == '1')) {
      plain += out[++i] == '0' ? '~' : '/';
    } else {
      plain += out[i];
    }
  }
  return plain;
}

}  // namespace

SchemaReferences::SchemaReferences(const JsonValue& root) : root_(root) {
  if (const JsonObject* object = root.if_object()) {
    const JsonValue* id = keyword(*object, "$id");
    if (id && id->is_string()) id_ = as_view(id->get_string());
    if (id_.ends_with('#')) id_.pop_back();
  }
  find_anchors(root, "#");
}

void SchemaReferences::find_anchors(const JsonValue& value, const std::string& path) {
  if (const auto* array = value.if_array()) {
    for (size_t i = 0; i < array->size(); ++i)
      find_anchors((*array)[i], join_path(path, fmt::format("{}", i)));
  }
  const JsonObject* object = value.if_object();
  if (!object) return;
  for (const char* name : {"$anchor", "$dynamicAnchor"}) {
    const JsonValue* anchor = keyword(*object, name);
    if (anchor && anchor->is_string())
      anchors_.try_emplace(std::string(as_view(anchor->get_string())), &value, path);
  }
  for (const auto& member : *object) {
    const std::string_view key = as_view(member.key());
    if (key != "enum" && key != "const") find_anchors(member.value(), join_path(path, key));
  }
}

Result<std::pair<const JsonValue*, std::string>> SchemaReferences::follow(
    std::string_view reference, const std::string& path) const {
  const std::string_view whole = reference;
  if (!id_.empty() && reference.starts_with(id_) &&
      (reference.size() == id_.size() || reference[id_.size()] == '#'))
    reference.remove_prefix(id_.size());
  if (!reference.empty() && reference[0] != '#')
    return refused(fmt::format("a reference to another document ('{}')", whole), path,
                   "put what it refers to under $defs");
  if (!reference.empty()) reference.remove_prefix(1);
  if (!reference.empty() && reference[0] != '/') {
    const auto anchor = anchors_.find(reference);
    if (anchor == anchors_.end())
      return malformed(fmt::format("the reference '{}' leads nowhere", whole), path);
    return anchor->second;
  }
  const JsonValue* at = &root_;
  std::string where = "#";
  while (!reference.empty()) {
    reference.remove_prefix(1);
    const size_t end = std::min(reference.find('/'), reference.size());
    const std::string step = unescape(reference.substr(0, end));
    reference.remove_prefix(end);
    where = join_path(where, step);
    if (const JsonObject* object = at->if_object()) {
      at = keyword(*object, step);
      // A schema with a name of its own: what refers into it may mean something else.
      if (at && at->is_object() && keyword(at->get_object(), "$id"))
        return refused("a schema within the schema that has an $id of its own", where);
    } else if (const auto* array = at->if_array()) {
      size_t index = 0;
      const auto parsed = std::from_chars(step.data(), step.data() + step.size(), index);
      const bool fits = parsed.ec == std::errc() && parsed.ptr == step.data() + step.size();
      at = fits && index < array->size() ? &(*array)[index] : nullptr;
    } else {
      at = nullptr;
    }
    if (!at) return malformed(fmt::format("the reference '{}' leads nowhere", whole), path);
  }
  return std::pair(at, where);
}

Status SchemaReferences::add(const JsonValue& schema, const std::string& path,
                             Conjunction& to) const {
  return add_once(schema, path, to, 0);
}

Status SchemaReferences::add_once(const JsonValue& schema, const std::string& path, Conjunction& to,
                                  int depth) const {
  if (depth > Limits::kDepth || to.parts.size() > kMostConjuncts)
    return fail(Code::kResourceExhausted, "too many schemas apply to one value", path);
  if (schema.is_bool()) {
    if (!schema.get_bool()) to.impossible = true;
    return {};
  }
  const JsonObject* object = schema.if_object();
  if (!object) return malformed("a schema must be an object, true or false", path);
  const auto same = [&](const Conjunct& part) { return part.schema == object; };
  if (std::ranges::any_of(to.parts, same)) return {};
  if (const JsonValue* id = keyword(*object, "$id"); id && object != root_.if_object())
    return refused("a schema within the schema that has an $id of its own", path);
  to.parts.push_back({object, path});
  if (const JsonValue* ref = keyword(*object, "$ref")) {
    const std::string at = join_path(path, "$ref");
    if (!ref->is_string()) return malformed("$ref must be a string", at);
    ASSIGN_OR_RETURN(const auto target, follow(as_view(ref->get_string()), at));
    RETURN_IF_ERROR(add_once(*target.first, target.second, to, depth + 1));
  }
  for (const char* name : {"$dynamicRef", "$recursiveRef"}) {
    if (keyword(*object, name)) return refused(name, join_path(path, name), "use $ref");
  }
  if (const JsonValue* all = keyword(*object, "allOf")) {
    const std::string at = join_path(path, "allOf");
    const auto* array = all->if_array();
    if (!array || array->empty()) return malformed("allOf must be an array of schemas", at);
    for (size_t i = 0; i < array->size(); ++i)
      RETURN_IF_ERROR(add_once((*array)[i], join_path(at, fmt::format("{}", i)), to, depth + 1));
  }
  return {};
}

}  // namespace holdfast::grammar
