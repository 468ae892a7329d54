// What constraints cost a token: time from logits to a masked copy of them, over a real vocabulary.
// usage: grammar_bench MODEL.gguf (its vocabulary is enough)
//
// For each constraint an answer of its form is cut into tokens and followed. "first": nothing is
// known yet, as for a new schema; "again": another answer under the same constraint.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "engine/constrain.h"
#include "engine/sampler.h"
#include "files/model_file.h"
#include "grammar/compile.h"
#include "text/tokenizer.h"

namespace {

using namespace holdfast;
using Clock = std::chrono::steady_clock;

double microseconds(Clock::time_point from) {
  return std::chrono::duration<double, std::micro>(Clock::now() - from).count();
}

struct Case {
  const char* name;
  grammar::Notation notation;
  std::string text, answer;
};

std::vector<Case> cases() {
  using grammar::Notation;
  const std::string schema = R"({"type":"object","properties":{
    "title":{"type":"string"},"summary":{"type":"string","maxLength":400},
    "date":{"type":"string","format":"date"},"priority":{"enum":["low","normal","high"]},
    "amount":{"type":"number","minimum":0},
    "parts":{"type":"array","items":{"type":"object","properties":{
      "name":{"type":"string","pattern":"^[A-Z][a-zA-Z0-9 -]*$"},"count":{"type":"integer","minimum":1,"maximum":9999}},
      "required":["name","count"]}}},
    "required":["title","summary","date","priority","amount","parts"]})";
  std::string answer =
      R"({"title": "Pump 7: bearing replaced after vibration alarm", "summary": ")";
  for (int i = 0; i < 5; ++i)
    answer += "The drive-side bearing ran hot (84 °C) and was replaced; 你好, alignment checked. ";
  answer += R"(", "date": "2024-02-29", "priority": "high", "amount": 1249.5, "parts": [)"
            R"({"name": "Bearing 6205", "count": 2}, {"name": "Seal", "count": 1}]})";
  std::string prose = "{";
  for (int i = 0; i < 12; ++i)
    prose += (i ? ", \"" : "\"") + std::string("note ") + std::to_string(i) +
             "\": \"Checked, within tolerance; see \\\"log\\\" of the day before.\"";
  prose += "}";
  return {{"schema", Notation::kJsonSchema, schema, answer},
          {"JSON mode", Notation::kJsonObject, "", prose},
          {"regex", Notation::kRegex, "(Result: [^\\n]{1,200}\\n)+",
           "Result: 12.5 mm, 3 pieces within tolerance\nResult: none\n"},
          {"GBNF", Notation::kGbnf, "root ::= item+\nitem ::= \"- \" [^\\n]+ \"\\n\"\n",
           "- check the oil level, then the filter\n- call the office\n"}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: grammar_bench MODEL.gguf\n");
    return 2;
  }
  const auto file = ModelFile::open(argv[1], open_file);
  CHECK(file) << to_string(file.error());
  const auto tokenizer = Tokenizer::create((*file)->tokenizer());
  CHECK(tokenizer) << to_string(tokenizer.error());
  const int32_t vocab = (*tokenizer)->vocab_size();
  auto start = Clock::now();
  const auto piece = [&](int32_t token) { return (*tokenizer)->piece(token); };
  const auto table = make_token_table(**tokenizer, piece, vocab, false);
  std::printf("%d tokens; their table takes %.0f ms, once a model\n", vocab,
              microseconds(start) / 1e3);

  std::vector<float> logits(static_cast<size_t>(vocab), 0.5f), masked;
  SamplerScratch scratch;
  SamplingParams greedy;
  greedy.temperature = 0;
  const Sampler sampler(greedy, {});
  start = Clock::now();
  constexpr int kRounds = 200;
  for (int i = 0; i < kRounds; ++i) CHECK(sampler.sample(logits, scratch));
  const double plain = microseconds(start) / kRounds;
  std::printf("greedy sampling alone: %.0f us a token\n", plain);
  std::printf("%-10s %9s %6s %22s %22s\n", "", "compile", "tokens", "first, us: mean / max",
              "again, us: mean / max");
  for (const Case& c : cases()) {
    start = Clock::now();
    auto program = grammar::compile({c.notation, c.text});
    CHECK(program) << to_string(program.error());
    const auto constraint = grammar::Constraint::create(std::move(*program), table).value();
    const double compile = microseconds(start);
    const std::vector<int32_t> tokens = (*tokenizer)->encode(c.answer, Special::kAsText, false);
    double mean[2], most[2];
    for (const int run : {0, 1}) {
      grammar::Matcher matcher(constraint, grammar::ConstraintStart::kNow);
      double sum = 0, max = 0;
      for (const int32_t token : tokens) {
        start = Clock::now();
        const auto drawn = sample_allowed(sampler, matcher, true, logits, masked, scratch);
        CHECK(drawn && *drawn) << c.name;
        const Status taken = matcher.accept(token);
        const double time = microseconds(start) - plain;
        CHECK(taken) << c.name << ": the answer does not fit";
        sum += time;
        max = std::max(max, time);
      }
      mean[run] = sum / static_cast<double>(tokens.size());
      most[run] = max;
    }
    std::printf("%-10s %6.1f ms %6zu %13.0f / %-6.0f %13.0f / %-6.0f\n", c.name, compile / 1e3,
                tokens.size(), mean[0], most[0], mean[1], most[1]);
  }
}
