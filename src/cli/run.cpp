// holdfast run [MODEL] [PROMPT]: chat in the terminal.
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "cli/answer_printer.h"
#include "cli/command.h"
#include "cli/conversation.h"
#include "cli/interrupt.h"
#include "cli/line_editor.h"
#include "cli/load_served.h"
#include "cli/model_opener.h"
#include "cli/model_option.h"
#include "cli/sampling_option.h"
#include "cli/speculate_option.h"

namespace holdfast::cli {

namespace {

struct RunOptions {
  std::string model, prompt, system;
  OpenOptions open;
  SamplingParams sampling;  // but for those that models may have defaults for:
  std::optional<float> temperature, top_p, min_p;
  std::optional<int32_t> top_k;
  std::optional<uint64_t> seed;
  ReasoningOptions reasoning;
  std::string thinking;
  int32_t max_tokens = 0, context = 0;
  KvType kv_type = KvType::kQ16;
  int threads = 0;
  SpeculateOption speculate;
  bool hide_thinking = false, json = false;
};

constexpr char kHelp[] =
    "  /clear  forgets the conversation\n"
    "  /exit   ends (so does Ctrl-D)\n"
    "  Ctrl-C  stops an answer; at the prompt, ends\n"
    "  A line that ends in \\ goes on in the next.\n";

AnswerPrinter::Style style(const RunOptions& options) {
  const bool watched = isatty(STDOUT_FILENO) == 1;
  const char* term = std::getenv("TERM");
  const bool colours = watched && term != nullptr && std::string_view(term) != "dumb";
  return {.watched = watched, .colours = colours, .hide_thinking = options.hide_thinking};
}

bool is_demo(const std::string& model) {
  if (model.empty() || model == kDemoName) return true;
  const auto demo = demo_model_path();
  std::error_code error;
  return demo && std::filesystem::equivalent(model, *demo, error);
}

// What was asked for, else what the model's makers say, else R1's recommendation (temperature 0.6,
// top-p 0.95); the demo model was made to be read greedily.
TextOptions text_options(const RunOptions& options, const SamplingDefaults& defaults) {
  TextOptions text;
  text.sampling = options.sampling;
  const bool demo = is_demo(options.model);
  const auto pick = [](const auto& asked, const auto& makers, auto otherwise) {
    return asked ? *asked : makers ? *makers : otherwise;
  };
  text.sampling.temperature = pick(options.temperature, defaults.temperature, demo ? 0.0f : 0.6f);
  text.sampling.top_p = pick(options.top_p, defaults.top_p, 0.95f);
  text.sampling.min_p = pick(options.min_p, defaults.min_p, 0.0f);
  text.sampling.top_k = pick(options.top_k, defaults.top_k, 0);
  text.seed = options.seed;
  text.max_tokens = options.max_tokens;
  return text;
}

// "One line\" + "and more" of a person; nothing at the end.
std::optional<std::string> read_prompt(LineEditor& editor) {
  std::string prompt;
  while (true) {
    auto line = editor.read();
    if (!line) return std::nullopt;
    if (!line->ends_with('\\')) return prompt + *line;
    line->back() = '\n';
    prompt += *line;
  }
}

std::string trim(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

int chat(ServedModel& model, Conversation& conversation, const RunOptions& options) {
  if (is_demo(options.model)) {
    fmt::print(
        "{}: a small demonstration model, made to show the program and trained on little: "
        "sums, units, dates, short forms; in English and Chinese.\n",
        model.id());
  } else {
    fmt::print("{}\n", model.id());
  }
  fmt::print("Ask something; /help tells more.\n");
  Interrupt interrupt;
  LineEditor editor(">>> ");
  while (true) {
    interrupt.taken();
    const auto line = read_prompt(editor);
    if (!line) {
      fmt::print("\n");
      return 0;
    }
    const std::string prompt = trim(*line);
    if (prompt.empty()) continue;
    if (prompt == "/exit" || prompt == "/quit" || prompt == "/bye") return 0;
    if (prompt == "/help" || prompt == "/?") {
      fmt::print("{}", kHelp);
      continue;
    }
    if (prompt == "/clear") {
      conversation.clear();
      continue;
    }
    AnswerPrinter printer(style(options));
    const auto answer = conversation.ask(
        prompt, [&](const TextEvent& event) { printer.print(event); },
        [&] { return interrupt.taken(); });
    printer.finish();
    if (!answer) {
      report(answer.error());
      if (answer.error().where == kContextLength) fmt::print("/clear starts a new conversation.\n");
    } else if (answer->finish == FinishReason::kLength) {
      fmt::print("(cut: the answer reached its limit)\n");
    } else if (answer->finish == FinishReason::kCancelled) {
      fmt::print("(stopped)\n");
    }
  }
}

int answer_once(Conversation& conversation, const std::string& prompt, const RunOptions& options) {
  AnswerPrinter printer(style(options));
  Interrupt interrupt;
  const auto answer = conversation.ask(
      prompt,
      [&](const TextEvent& event) {
        if (!options.json) printer.print(event);
      },
      [&] { return interrupt.taken(); });
  if (!options.json) printer.finish();
  if (!answer) return report(answer.error());
  if (options.json) fmt::print("{}\n", answer_json(*answer));
  if (answer->finish == FinishReason::kLength)
    std::fprintf(stderr, "holdfast: the answer reached its limit and is cut\n");
  return answer->finish == FinishReason::kCancelled ? 1 : 0;
}

// `holdfast run "What is 2 + 2?"`, `holdfast run 37+58=?` and `holdfast run 你好` are questions to
// the demo model: no name of a model has white space, other signs, or letters outside ASCII.
bool could_name_model(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return std::isalnum(byte) != 0 || std::string_view("._-/:@~").find(c) != std::string_view::npos;
  });
}

int run(RunOptions options) {
  if (options.prompt.empty() && !could_name_model(options.model) && !resolve_model(options.model)) {
    options.prompt = std::exchange(options.model, {});
  }
  if (const auto found = resolve_model(options.model); !found) return report(found.error());
  if (options.prompt.empty() && isatty(STDIN_FILENO) != 1) {
    options.prompt.assign(std::istreambuf_iterator<char>(std::cin), {});
    if (trim(options.prompt).empty()) {
      return report({Code::kInvalidArgument, "standard input holds no prompt", "",
                     "give one as an argument, or run in a terminal to chat"});
    }
  }
  if (options.json && options.prompt.empty()) {
    return report(
        {Code::kInvalidArgument, "--json needs a PROMPT, or one on standard input", "", ""});
  }
  ServedModelOptions served;
  served.engine.max_sequences = 1;
  served.engine.context = options.context;
  served.engine.kv_type = options.kv_type;
  if (const auto set = set_speculation(options.speculate, served); !set) return report(set.error());
  auto model = load_served_model(options.model, options.open, options.threads, std::move(served));
  if (!model) return report(model.error());
  ReasoningOptions reasoning = options.reasoning;
  if (!options.thinking.empty()) reasoning.enabled = options.thinking == "on";
  Conversation conversation(**model, options.system,
                            text_options(options, (*model)->config().sampling), reasoning);
  if (!options.prompt.empty()) return answer_once(conversation, options.prompt, options);
  const int status = chat(**model, conversation, options);
  if (!options.speculate.source.empty()) {
    const EngineStats stats = (*model)->stats();
    fmt::print("{}\n", speculation_summary(stats.drafted_tokens, stats.accepted_tokens));
  }
  return status;
}

}  // namespace

void register_run(CLI::App& app, Action& action) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Chat with a model in the terminal");
  command->add_option("MODEL", options->model,
                      "a .gguf, a Hugging Face directory, or a name in the local store; the demo "
                      "model by default");
  command->add_option("PROMPT", options->prompt,
                      "answer this and end; without it, chat (standard input that is no terminal "
                      "is one prompt)");
  command->add_option("--system", options->system, "the system message");
  command
      ->add_option("--temperature", options->temperature,
                   "0: always the likeliest token; the model's own by default, else 0.6")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--top-p", options->top_p, "default: the model's own, else 0.95");
  command->add_option("--top-k", options->top_k, "0: off");
  command->add_option("--min-p", options->min_p);
  command->add_option("--seed", options->seed, "the same seed gives the same answer");
  command->add_option("--max-tokens", options->max_tokens, "of one answer; 0: no limit")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--context", options->context, "tokens of a conversation; 0: the model's")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--thinking", options->thinking, "on or off, whatever the template says")
      ->check(CLI::IsMember({"on", "off"}));
  command
      ->add_option("--thinking-budget", options->reasoning.budget,
                   "tokens of thinking, after which it is closed; -1: no limit")
      ->check(CLI::Range(-1, std::numeric_limits<int32_t>::max()));
  add_sampling_options(*command, options->sampling);
  add_threads_option(*command, options->threads);
  add_kv_type_option(*command, options->kv_type);
  add_speculate_options(*command, options->speculate);
  add_open_options(*command, options->open);
  command->add_flag("--hide-thinking", options->hide_thinking, "show the answer only");
  command->add_flag("--json", options->json, "one JSON document on standard output");
  command->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace holdfast::cli
