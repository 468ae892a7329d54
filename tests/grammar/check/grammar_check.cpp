// Answers questions about constraints, one JSON object a line:
// {"notation": "json_schema"|"regex"|"gbnf"|"json_object"|"choice", "text": "...", "open": true,
//  "texts": ["..."], "samples": n, "seed": s}
// gives {"error": "..."} or {"matches": [true, ...], "samples": ["...", ...]}: which texts match,
// and answers of a model that says anything, held to the constraint token by token; those that did
// not end are left out.
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "grammar/compile.h"
#include "grammar/constraint.h"
#include "hostile_inputs.h"

namespace {

namespace json = boost::json;
using namespace holdfast;
using namespace holdfast::grammar;

// Bytes, and pieces that end or begin in awkward places.
std::shared_ptr<const TokenTable> make_tokens() {
  TokenTableInput input;
  for (int byte = 0; byte < 256; ++byte) input.bytes.emplace_back(1, static_cast<char>(byte));
  for (const char* word :
       {"{\"", "\"}",          "\": ",     "\",",      "\", \"",   "[{",    "}]",   "}}",
        "},",  "[[",           "[]",       "{}",       "true",     "false", "null", "fal",
        "se",  "\\n",          "\\\"",     "\\u00",    "ab",       "abc",   " the", "foo",
        "bar", "\"foo\"",      "\"a",      "12",       "-1",       "0.",    "100",  "2024-",
        "00:", "\xe4\xbd\xa0", "\xe4\xbd", "\xa0\xe5", "\xf0\x9f", "\n  ",  "  ",   "e1",
        "]}",  "\"]",          "1]",       "1}"})
    input.bytes.emplace_back(word);
  input.bytes.emplace_back();
  input.ends = {static_cast<int32_t>(input.bytes.size()) - 1};
  return std::make_shared<TokenTable>(std::move(input));
}

constexpr int kMostTokens = 3000;

// Ends when it can, half of the time.
bool sample(const std::shared_ptr<Constraint>& constraint, std::mt19937& random, std::string& out) {
  const TokenTable& tokens = constraint->tokens();
  Matcher matcher(constraint, ConstraintStart::kNow);
  const int32_t end = tokens.ends()[0];
  for (int i = 0; i < kMostTokens; ++i) {
    if (matcher.complete()) return true;
    const auto mask = matcher.mask();
    if (!mask) return false;
    if (allows(**mask, end) && random() % 2 == 0) return true;
    std::vector<int32_t> allowed;
    for (int32_t t = 0; t < tokens.size(); ++t) {
      if (t != end && allows(**mask, t)) allowed.push_back(t);
    }
    // What closes is likelier than among all bytes.
    int32_t token = allowed.empty() ? end : allowed[random() % allowed.size()];
    for (const int32_t closer : {'"', ']', '}'}) {
      if (allows(**mask, closer) && random() % (i > 300 ? 2 : 8) == 0) token = closer;
    }
    if (token == end) return true;
    if (!matcher.accept(token)) return false;
    out += tokens.bytes(token);
  }
  return false;
}

json::value answer(const json::object& question) {
  static const auto tokens = make_tokens();
  const std::string notation(question.at("notation").as_string());
  ConstraintSpec spec;
  spec.notation = notation == "regex"         ? Notation::kRegex
                  : notation == "gbnf"        ? Notation::kGbnf
                  : notation == "choice"      ? Notation::kChoice
                  : notation == "json_object" ? Notation::kJsonObject
                                              : Notation::kJsonSchema;
  if (const auto* text = question.if_contains("text")) spec.text = std::string(text->as_string());
  if (const auto* open = question.if_contains("open")) spec.open_objects = open->as_bool();
  auto program = compile(spec);
  if (!program) return json::object{{"error", to_string(program.error())}};
  const auto constraint = Constraint::create(std::move(*program), tokens);
  if (!constraint) return json::object{{"error", to_string(constraint.error())}};
  json::array matches, samples;
  if (const auto* texts = question.if_contains("texts")) {
    for (const auto& text : texts->as_array()) {
      const auto& string = text.as_string();
      const auto match = (*constraint)->matches({string.data(), string.size()});
      matches.push_back(match ? json::value(*match) : json::value(nullptr));
    }
  }
  if (const auto* count = question.if_contains("samples")) {
    std::mt19937 random(static_cast<uint32_t>(question.at("seed").as_int64()));
    for (int64_t i = 0; i < count->as_int64(); ++i) {
      std::string text;
      if (sample(*constraint, random, text)) samples.emplace_back(text);
    }
  }
  return json::object{{"matches", std::move(matches)}, {"samples", std::move(samples)}};
}

// Each hostile input in a process of its own: processor time and memory to an answer or an error.
int measure_hostile() {
  const auto tokens = make_tokens();
  const auto peak_kib = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  for (const Hostile& input : hostile_inputs()) {
    std::cout << std::flush;
    const pid_t child = fork();
    if (child == 0) {
      const long before = peak_kib();
      const clock_t start = clock();
      std::string outcome = "taken";
      if (auto program = compile({input.notation, input.text}); !program) {
        outcome = to_string(program.error());
      } else if (auto made = Constraint::create(std::move(*program), tokens); !made) {
        outcome = to_string(made.error());
      }
      const double ms = 1e3 * static_cast<double>(clock() - start) / CLOCKS_PER_SEC;
      std::printf("%8.1f ms %8.1f MiB  %s: %.100s\n", ms,
                  static_cast<double>(peak_kib() - before) / 1024, input.name.c_str(),
                  outcome.c_str());
      std::fflush(stdout);
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0) return 1;
  }
  return 0;
}

}  // namespace

// usage: grammar_check [--hostile]
int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "--hostile") return measure_hostile();
  std::string line;
  while (std::getline(std::cin, line)) {
    json::parse_options options;
    options.max_depth = 200;
    std::cout << json::serialize(answer(json::parse(line, {}, options).as_object())) << std::endl;
  }
}
