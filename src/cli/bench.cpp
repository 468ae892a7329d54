// holdfast bench: how fast a model reads prompts and writes answers here.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/resource.h>

#include "cli/command.h"
#include "cli/loaded_model.h"
#include "cli/model_option.h"
#include "cli/progress.h"
#include "model/session.h"

namespace holdfast::cli {
namespace {

struct Options {
  std::string model;
  int prompt = 512;
  int generate = 64;
  std::vector<int> batches = {1};
  int repetitions = 3;
  int threads = 0;
  bool json = false;
};

struct Measured {
  int batch = 0;
  double prefill_rate = 0.0, decode_rate = 0.0;  // tokens per second, all sequences together
};

constexpr int32_t kPrefillRows = 512;  // of one step, as an engine would cut a prompt

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

int64_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2.0;
}

// Any tokens will do; these differ from sequence to sequence and from run to run not at all.
std::vector<int32_t> some_tokens(int count, int sequence, int32_t vocab) {
  std::vector<int32_t> tokens(static_cast<std::size_t>(count));
  uint32_t state = 12345u + static_cast<uint32_t>(sequence);
  for (int32_t& token : tokens) {
    state = state * 1664525u + 1013904223u;
    token = static_cast<int32_t>((state >> 8) % static_cast<uint32_t>(vocab));
  }
  return tokens;
}

// One repetition: all prompts one after the other, then all sequences a token a step.
void repeat(Session& session, const Options& options, int32_t vocab, int batch,
            std::vector<double>& prefill, std::vector<double>& decode) {
  std::vector<std::vector<int32_t>> prompts;
  prompts.reserve(static_cast<std::size_t>(batch));
  for (int s = 0; s < batch; ++s) {
    session.reset(s);
    prompts.push_back(some_tokens(options.prompt, s, vocab));
  }
  std::vector<int32_t> next;
  next.reserve(prompts.size());
  const Stopwatch reading;
  for (int s = 0; s < batch; ++s) {
    next.push_back(argmax(session.prompt(s, prompts[static_cast<std::size_t>(s)], kPrefillRows)));
  }
  prefill.push_back(batch * options.prompt / reading.seconds());

  const Stopwatch writing;
  for (int i = 0; i < options.generate; ++i) {
    std::vector<SessionInput> inputs;
    for (std::size_t s = 0; s < next.size(); ++s) {
      inputs.push_back({static_cast<int32_t>(s), std::span(next).subspan(s, 1), 1});
    }
    session.step(inputs, [&](std::span<const float> logits) {
      const std::size_t width = logits.size() / next.size();
      for (std::size_t s = 0; s < next.size(); ++s) {
        next[s] = argmax(logits.subspan(s * width, width));
      }
    });
  }
  decode.push_back(batch * options.generate / writing.seconds());
}

Result<Measured> measure(const LoadedModel& loaded, const Options& options, int batch) {
  ASSIGN_OR_RETURN(
      const auto session,
      Session::create(*loaded.model, *loaded.backend,
                      {.sequences = batch, .context = options.prompt + options.generate}));
  const int32_t vocab = loaded.model->config().vocab;
  // Once unmeasured, so that what is touched for the first time is in memory.
  session->prompt(0, some_tokens(std::min(options.prompt, 32), 0, vocab), kPrefillRows);
  std::vector<double> prefill, decode;
  ProgressLine line(fmt::format("batch {}", batch));
  for (int i = 0; i < options.repetitions; ++i) {
    line.show(static_cast<double>(i) / options.repetitions);
    repeat(*session, options, vocab, batch, prefill, decode);
  }
  return Measured{batch, median(prefill), median(decode)};
}

Status bench(const Options& options) {
  ASSIGN_OR_RETURN(const LoadedModel loaded, load_for_measuring(options.model, options.threads));
  std::string rows;
  if (!options.json) {
    fmt::print("{}, loaded in {:.2f} s\n", loaded.backend->describe(), loaded.load_seconds);
    fmt::print("{:>5}  {:>13}  {:>12}  {:>13}\n", "batch", "prefill tok/s", "decode tok/s",
               "peak RSS, MiB");
  }
  for (const int batch : options.batches) {
    ASSIGN_OR_RETURN(const Measured m, measure(loaded, options, batch));
    const int64_t peak = peak_resident_bytes();
    if (options.json) {
      rows += fmt::format(
          "{}{{\"batch\":{},\"prefill_tok_s\":{:.3f},\"decode_tok_s\":{:.3f},\"load_s\":{:.3f},"
          "\"peak_rss_bytes\":{}}}",
          rows.empty() ? "" : ",", m.batch, m.prefill_rate, m.decode_rate, loaded.load_seconds,
          peak);
    } else {
      fmt::print("{:>5}  {:>13.2f}  {:>12.2f}  {:>13}\n", m.batch, m.prefill_rate, m.decode_rate,
                 peak >> 20);
    }
  }
  if (options.json) fmt::print("{{\"results\":[{}]}}\n", rows);
  return {};
}

}  // namespace

void register_bench(CLI::App& app, Action& action) {
  auto* command =
      app.add_subcommand("bench", "Measure how fast a model reads prompts and writes answers");
  auto options = std::make_shared<Options>();
  command
      ->add_option("model", options->model,
                   "a .gguf, a Hugging Face directory, or a name in the local store")
      ->required();
  command->add_option("--prompt", options->prompt, "tokens of each prompt")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--generate", options->generate, "tokens written after each")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--batch", options->batches, "sequences at once; several with commas")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--repetitions", options->repetitions, "the median of so many is shown")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add_threads_option(*command, options->threads);
  command->add_flag("--json", options->json, "one JSON document on stdout");
  command->callback([options, &action] {
    action = [options] {
      const Status status = bench(*options);
      return status ? 0 : report(status.error());
    };
  });
}

}  // namespace holdfast::cli
