#include "server/openai_constraint.h"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

namespace holdfast {

namespace json = boost::json;

namespace {

using grammar::Notation;

class ConstraintReader {
 public:
  ConstraintReader(RequestFields& fields, OpenAiRequest& request)
      : fields_(fields), request_(request) {}

  void read() {
    read_response_format();
    read_named("guided_", "");
    read_named("", "structured_outputs");
    schema("json_schema", fields_.find("json_schema"));
    text(Notation::kGbnf, "grammar", fields_.find("grammar"));
  }

 private:
  void set(Notation notation, std::string param, std::string source) {
    if (request_.constraint) {
      fields_.fail(param,
                   fmt::format("'{}' and '{}' both say what the answer must be: send one of them",
                               request_.constraint->param, param),
                   "invalid_value");
      return;
    }
    request_.constraint = {{notation, std::move(source)}, std::move(param)};
  }

  // A schema, or (as vLLM takes it) its text.
  void schema(const std::string& param, const json::value* value) {
    if (!value) return;
    if (value->is_object() || value->is_bool()) {
      set(Notation::kJsonSchema, param, json::serialize(*value));
    } else {
      text(Notation::kJsonSchema, param, value, "a JSON Schema");
    }
  }

  void text(Notation notation, const std::string& param, const json::value* value,
            std::string_view what = "a string") {
    if (!value) return;
    const json::string* string = value->if_string();
    if (!string) {
      fields_.fail(param, fmt::format("'{}' must be {}, not {}", param, what, kind_name(*value)),
                   "invalid_type");
      return;
    }
    set(notation, param, std::string(string->data(), string->size()));
  }

  void choice(const std::string& param, const json::value* value) {
    if (!value) return;
    if (!value->is_array()) {
      fields_.fail(
          param, fmt::format("'{}' must be an array of strings, not {}", param, kind_name(*value)),
          "invalid_type");
      return;
    }
    set(Notation::kChoice, param, json::serialize(*value));
  }

  // vLLM's names: at the top with a prefix, or in an object.
  void read_named(const std::string& prefix, const std::string& holder) {
    const json::object* object = holder.empty() ? nullptr : fields_.object(holder);
    if (!holder.empty() && !object) return;
    const auto find = [&](const std::string& name) -> const json::value* {
      if (!object) return fields_.find(prefix + name);
      const json::value* value = object->if_contains(name);
      return value && !value->is_null() ? value : nullptr;
    };
    const std::string at = object ? holder + "." : prefix;
    schema(at + "json", find("json"));
    text(Notation::kRegex, at + "regex", find("regex"));
    choice(at + "choice", find("choice"));
    text(Notation::kGbnf, at + "grammar", find("grammar"));
    if (!object) return;
    if (const json::value* any = find("json_object"); any && any->is_bool() && any->get_bool())
      set(Notation::kJsonObject, at + "json_object", {});
    if (find("structural_tag"))
      fields_.fail(at + "structural_tag", "structural tags are not supported by this version",
                   "unsupported_parameter");
  }

  void read_response_format() {
    const json::object* format = fields_.object("response_format");
    if (!format) return;
    const json::value* type = format->if_contains("type");
    const std::string name = type && type->is_string() ? std::string(type->get_string()) : "";
    if (name == "text") return;
    if (name == "json_object") {
      // llama-server takes a schema here.
      if (const json::value* given = format->if_contains("schema")) {
        schema("response_format.schema", given);
      } else {
        set(Notation::kJsonObject, "response_format", {});
      }
      return;
    }
    if (name != "json_schema") {
      fields_.fail("response_format.type",
                   "'response_format.type' must be 'text', 'json_object' or 'json_schema'",
                   "invalid_value");
      return;
    }
    const json::value* holder = format->if_contains("json_schema");
    const json::object* object = holder ? holder->if_object() : nullptr;
    const json::value* given = object ? object->if_contains("schema") : nullptr;
    if (!given || given->is_null()) {
      fields_.fail("response_format.json_schema.schema",
                   "'response_format.json_schema.schema' is missing", "missing_required_parameter");
      return;
    }
    schema("response_format.json_schema.schema", given);
  }

  RequestFields& fields_;
  OpenAiRequest& request_;
};

}  // namespace

void read_constraint(RequestFields& fields, OpenAiRequest& request) {
  ConstraintReader(fields, request).read();
}

}  // namespace holdfast
