// holdfast bench: how fast a model reads prompts and writes answers here.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/bench_report.h"
#include "cli/command.h"
#include "cli/loaded_model.h"
#include "cli/model_opener.h"
#include "cli/model_option.h"
#include "cli/progress.h"
#include "model/session.h"

namespace holdfast::cli {
namespace {

struct Options {
  std::string model;
  OpenOptions open;
  int prompt = 512;
  int generate = 64;
  int depth = 0;
  KvType kv_type = KvType::kQ16;
  std::vector<int> batches = {1};
  int repetitions = 3;
  int threads = 0;
  bool roofline = false, profile = false, json = false;
};

constexpr int kPrefillRows = 512;  // of one step, as an engine would cut a prompt

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Of this program alone: getrusage would count what the process held before it became holdfast, as
// a shell or a test runner.
int64_t peak_resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) * 1024;  // in KiB
  }
  return 0;
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

// Puts `depth` tokens before what is measured: a few hundred are read, the others are copies of
// them. What their keys and values are does not change how long attention over them takes.
void go_deep(Session& session, const Options& options, int sequence, int32_t vocab) {
  if (options.depth == 0) return;
  constexpr int kPage = 32;
  const int read = std::min(options.depth / kPage * kPage, kPrefillRows);
  session.prompt(sequence, some_tokens(std::max(read, kPage), sequence, vocab), kPrefillRows);
  session.stretch(sequence, std::max(options.depth, kPage));
}

// One repetition: all prompts one after the other, then all sequences a token a step.
void repeat(Session& session, const Options& options, int32_t vocab, Profile& profile,
            BenchResult& result) {
  const int batch = result.batch;
  std::vector<std::vector<int32_t>> prompts;
  prompts.reserve(static_cast<std::size_t>(batch));
  for (int s = 0; s < batch; ++s) {
    session.reset(s);
    go_deep(session, options, s, vocab);
    prompts.push_back(some_tokens(options.prompt, s, vocab));
  }
  profile.take();
  std::vector<int32_t> next;
  next.reserve(prompts.size());
  const Stopwatch reading;
  for (int s = 0; s < batch; ++s) {
    next.push_back(argmax(session.prompt(s, prompts[static_cast<std::size_t>(s)], kPrefillRows)));
  }
  result.prefill.add(batch * options.prompt, reading.seconds(), profile.take());

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
  result.decode.add(batch * options.generate, writing.seconds(), profile.take());
}

Result<BenchResult> measure(const LoadedModel& loaded, const Options& options, int batch,
                            Profile& profile) {
  ASSIGN_OR_RETURN(
      const auto session,
      Session::create(*loaded.model, *loaded.backend,
                      {.sequences = batch,
                       .context = std::max(options.depth, 32) + options.prompt + options.generate,
                       .kv_type = options.kv_type}));
  const int32_t vocab = loaded.model->config().vocab;
  // Once unmeasured, so that what is touched for the first time is in memory.
  session->prompt(0, some_tokens(std::min(options.prompt, 32), 0, vocab), kPrefillRows);
  profile.take();
  BenchResult result{.batch = batch};
  ProgressLine line(fmt::format("batch {}", batch));
  for (int i = 0; i < options.repetitions; ++i) {
    line.show(static_cast<double>(i) / options.repetitions);
    repeat(*session, options, vocab, profile, result);
  }
  result.peak_rss_bytes = peak_resident_bytes();
  return result;
}

Status bench(const Options& options) {
  Profile profile;
  const bool watched = options.roofline || options.profile;
  ASSIGN_OR_RETURN(const LoadedModel loaded,
                   load_for_measuring(options.model, options.open, options.threads,
                                      watched ? &profile : nullptr));
  const Stopwatch settling;  // what is measured is what lasts
  loaded.backend->settle();
  const double settle_seconds = settling.seconds();
  if (watched) profile.set_peaks(loaded.backend->measure_peaks());
  BenchReport report({.device = loaded.backend->describe(),
                      .load_seconds = loaded.load_seconds,
                      .settle_seconds = settle_seconds,
                      .peaks = profile.peaks(),
                      .roofline = options.roofline,
                      .profile = options.profile,
                      .json = options.json});
  for (const int batch : options.batches) {
    ASSIGN_OR_RETURN(const BenchResult result, measure(loaded, options, batch, profile));
    report.add(result);
  }
  report.finish();
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
  command
      ->add_option("--depth", options->depth,
                   "tokens each sequence holds before; beyond 512, copies of those stand for them")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  command->add_option("--batch", options->batches, "sequences at once; several with commas")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--repetitions", options->repetitions, "the median of so many is shown")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add_threads_option(*command, options->threads);
  add_kv_type_option(*command, options->kv_type);
  add_open_options(*command, options->open);
  command->add_flag("--roofline", options->roofline,
                    "measure this machine's limits, and show each phase as a share of them");
  command->add_flag("--profile", options->profile, "show the time of each operation");
  command->add_flag("--json", options->json, "one JSON document on stdout");
  command->callback([options, &action] {
    action = [options] {
      const Status status = bench(*options);
      return status ? 0 : report(status.error());
    };
  });
}

}  // namespace holdfast::cli
