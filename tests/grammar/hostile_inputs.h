// Inputs that try to make compiling or following a constraint expensive.
#pragma once

#include <string>
#include <vector>

#include "grammar/compile.h"

namespace holdfast::grammar {

struct Hostile {
  std::string name;
  Notation notation;
  std::string text;
};

inline std::string times(int count, const std::string& part) {
  std::string out;
  for (int i = 0; i < count; ++i) out += part;
  return out;
}

inline std::vector<Hostile> hostile_inputs() {
  using enum Notation;
  std::vector<Hostile> all{
      {"nested counts", kRegex, "((((a{1000}){1000}){1000}){1000}){1000}"},
      {"counts of counts below the limit", kRegex, "((a{60}){60}){100}"},
      {"optional counts", kRegex, "(((a?){200}){200}b?){9}"},
      {"largest count", kRegex, "[^a]{65536}"},
      {"many largest counts", kRegex, times(50, "(你|.){0,65536}")},
      {"parentheses", kRegex, times(50000, "(") + times(50000, ")")},
      {"parentheses that never close", kRegex, times(200000, "(")},
      {"exponential determinization", kRegex, "(a|b)*a(a|b){60}"},
      {"worse", kRegex, "(.*a.{100}){5}|(.*b.{90}){5}|(.*c.{80}){5}"},
      {"starred stars", kRegex, times(90, "(") + "a*" + times(90, ")*")},
      {"optional chain", kRegex, times(20000, "a?") + times(20000, "a")},
      {"alternatives", kRegex, times(60000, "ab|") + "c"},
      {"classes", kRegex, times(3000, "[^\\w\\s-\\x41é-ü你]{9}")},
      {"wide classes", kRegex, "[" + times(20000, "é-ü你") + "]{1000}"},
      {"anchors", kRegex, times(40, "(^|a)") + times(40, "(b|$)")},
      {"empty alternatives", kRegex, times(100000, "|")},
      {"left recursion", kGbnf, "root ::= a\na ::= b \"x\" | \"y\"\nb ::= c? a \"z\"\nc ::= \"c\"\n"},
      {"doubling rules", kGbnf, [] {
         std::string g = "root ::= r0\n";
         for (int i = 0; i < 60; ++i)
           g += "r" + std::to_string(i) + " ::= r" + std::to_string(i + 1) + " r" + std::to_string(i + 1) + "\n";
         return g + "r60 ::= \"a\"?\n";
       }()},
      {"everything calls everything", kGbnf, [] {
         std::string g;
         for (int i = 0; i < 120; ++i) {
           g += (i ? "r" + std::to_string(i) : "root") + " ::= \"x\"";
           for (int k = 1; k < 120; ++k) g += " | \"a\" r" + std::to_string(k) + " \"b\"";
           g += "\n";
         }
         return g;
       }()},
      {"empty rules", kGbnf, [] {
         std::string g = "root ::= " + times(2000, "e ") + "\"x\"\n";
         return g + "e ::= " + times(200, "f ") + "\nf ::= \"y\"?\n";
       }()},
      {"long chain of rules", kGbnf, [] {
         std::string g = "root ::= r0\n";
         for (int i = 0; i < 9000; ++i)
           g += "r" + std::to_string(i) + " ::= r" + std::to_string(i + 1) + "\n";
         return g + "r9000 ::= \"a\"\n";
       }()},
      {"ambiguous palindromes", kGbnf, "root ::= root2 | \"a\" root \"a\" | \"a\" root root \"b\" | \"\"\nroot2 ::= \"a\" root2 root2 root | \"a\"\n"},
      {"nested repeats", kGbnf, "root ::= " + times(90, "(") + "\"a\"" + times(90, "){0,9}")},
      {"deep schema", kJsonSchema, times(20000, "{\"items\":") + "{}" + times(20000, "}")},
      {"nested within the limit", kJsonSchema, times(90, "{\"items\":") + "{}" + times(90, "}")},
      {"product of anyOf", kJsonSchema, [] {
         std::string s = "{\"allOf\":[";
         for (int i = 0; i < 40; ++i)
           s += (i ? "," : "") + std::string("{\"anyOf\":[{\"minimum\":1},{\"maxLength\":3},{\"title\":\"c\"}]}");
         return s + "]}";
       }()},
      {"reference loops", kJsonSchema, R"({"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a","allOf":[{"$ref":"#"}]}}})"},
      {"exponential references", kJsonSchema, [] {
         std::string s = "{\"$ref\":\"#/$defs/d0\",\"$defs\":{";
         for (int i = 0; i < 60; ++i) {
           const std::string next = "{\"$ref\":\"#/$defs/d" + std::to_string(i + 1) + "\"}";
           s += "\"d" + std::to_string(i) + "\":{\"type\":\"array\",\"prefixItems\":[" + next + "," + next + "]},";
         }
         return s + "\"d60\":{}}}";
       }()},
      {"many properties", kJsonSchema, [] {
         std::string s = "{\"type\":\"object\",\"properties\":{";
         for (int i = 0; i < 4000; ++i) s += (i ? "," : "") + std::string("\"p") + std::to_string(i) + "\":{\"type\":\"null\"}";
         return s + "},\"additionalProperties\":{}}";
       }()},
      {"counted properties", kJsonSchema, [] {
         std::string s = "{\"type\":\"object\",\"minProperties\":200,\"properties\":{";
         for (int i = 0; i < 400; ++i) s += (i ? "," : "") + std::string("\"p") + std::to_string(i) + "\":{}";
         return s + "}}";
       }()},
      {"patterns that meet", kJsonSchema, R"({"type":"string","allOf":[{"pattern":"a.{12}b"},{"pattern":"c.{12}d"},{"pattern":"e.{12}f"},{"pattern":"g.{12}h"}]})"},
      {"pattern and length", kJsonSchema, R"({"type":"string","pattern":"(a|b)*a(a|b){30}$","maxLength":3000})"},
      {"pattern properties", kJsonSchema, R"({"type":"object","patternProperties":{"a.{9}b":{},"c.{9}d":{},"e.{9}f":{},"g.{9}h":{}}})"},
      {"enum", kJsonSchema, [] {
         std::string s = "{\"enum\":[";
         for (int i = 0; i < 4000; ++i) s += (i ? "," : "") + std::string("\"value ") + std::to_string(i * 7919) + "\"";
         return s + "]}";
       }()},
      {"enum under a pattern", kJsonSchema, [] {
         std::string s = "{\"type\":\"string\",\"pattern\":\"^(v|a)*[0-9 ]*(a|b)*(v|al|ue| |[0-9])*$\",\"enum\":[";
         for (int i = 0; i < 4000; ++i) s += (i ? "," : "") + std::string("\"value ") + std::to_string(i * 7919) + "\"";
         return s + "]}";
       }()},
      {"oneOf", kJsonSchema, [] {
         std::string s = "{\"oneOf\":[";
         for (int i = 0; i < 3000; ++i) s += (i ? "," : "") + std::string("{\"const\":") + std::to_string(i) + "}";
         return s + "]}";
       }()},
      {"required names", kJsonSchema, "{\"type\":\"object\",\"required\":[\"a\"" + times(60000, ",\"b\"") + "]}"},
      {"long numbers", kJsonSchema, "{\"minimum\":1" + times(300, "0") + ",\"maximum\":2" + times(300, "0") + "}"},
      {"lengths", kJsonSchema, [] {
         std::string s = "{\"prefixItems\":[{}";
         for (int i = 0; i < 200; ++i) s += ",{\"type\":\"string\",\"minLength\":" + std::to_string(60000 + i) + "}";
         return s + "]}";
       }()},
      {"long choice", kChoice, [] {
         std::string s = "[\"\"";
         for (int i = 0; i < 9000; ++i) s += ",\"" + std::to_string(i * 104729) + " words\"";
         return s + "]";
       }()},
      {"too long", kRegex, times(300000, "a")},
  };
  return all;
}

}  // namespace holdfast::grammar
