#include "model/evaluation.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"

namespace holdfast {
namespace {

// Rows of one step: enough for the kernels to be efficient, few enough that their logits over a
// large vocabulary stay below 100 MB.
constexpr int32_t kPiece = 128;

// log of the sum of e^logits.
double log_sum_exp(std::span<const float> logits) {
  const float top = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (const float logit : logits) sum += std::exp(logit - top);
  return top + std::log(sum);
}

double divergence(std::span<const float> model, std::span<const float> reference) {
  const double z_model = log_sum_exp(model), z_reference = log_sum_exp(reference);
  double sum = 0.0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const double log_p = reference[i] - z_reference;
    sum += std::exp(log_p) * (log_p - (model[i] - z_model));
  }
  return sum;
}

Status check_text(std::span<const int32_t> tokens, int32_t context, int32_t vocab) {
  if (context < 4) {
    return fail(Code::kInvalidArgument, fmt::format("a context of {} tokens is too short", context),
                "--context");
  }
  if (std::ssize(tokens) < 2 * int64_t{context}) {
    return fail(Code::kInvalidArgument,
                fmt::format("the text has {} tokens; a context of {} needs at least {}",
                            tokens.size(), context, 2 * int64_t{context}),
                {}, "give a longer text or a smaller --context");
  }
  for (const int32_t token : tokens) {
    if (token < 0 || token >= vocab) {
      return fail(Code::kCorrupt,
                  fmt::format("the tokenizer gives token {}, the model has {}", token, vocab), {},
                  "tokenizer and weights are not of one model");
    }
  }
  return {};
}

Status not_finite() {
  return fail(Code::kCorrupt, "the model computes logits that are no numbers", {},
              "the file's weights are damaged, or made for another architecture");
}

// One piece of a chunk: its tokens, and the positions [scored, end) of it whose logits predict a
// token that counts.
struct Piece {
  std::span<const int32_t> tokens;
  int32_t begin;   // position of tokens[0]
  int32_t scored;  // how many of the last rows count
};

// Cuts a chunk before its first scored row and every kPiece rows. The last token of a chunk
// predicts nothing we know, and is left out.
std::vector<Piece> cut(std::span<const int32_t> chunk) {
  const auto end = static_cast<int32_t>(chunk.size()) - 1;
  const auto first = static_cast<int32_t>(chunk.size()) / 2;
  std::vector<Piece> pieces;
  for (int32_t begin = 0; begin < end;) {
    const int32_t stop = std::min(begin + kPiece, begin < first ? first : end);
    pieces.push_back(
        {chunk.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(stop - begin)),
         begin, begin >= first ? stop - begin : 0});
    begin = stop;
  }
  return pieces;
}

// Calls visit(chunk) for every chunk, BOS in place.
Status for_each_chunk(std::span<const int32_t> tokens, const EvaluationOptions& options,
                      const std::function<Status(std::span<const int32_t>)>& visit,
                      const std::function<double()>& figure) {
  const auto context = static_cast<std::size_t>(options.context);
  std::size_t chunks = tokens.size() / context;
  if (options.chunks > 0) chunks = std::min(chunks, static_cast<std::size_t>(options.chunks));
  for (std::size_t i = 0; i < chunks; ++i) {
    const auto part = tokens.subspan(i * context, context);
    std::vector<int32_t> chunk(part.begin(), part.end());
    if (options.bos) chunk[0] = *options.bos;
    RETURN_IF_ERROR(visit(chunk));
    if (options.progress) {
      options.progress(static_cast<double>(i + 1) / static_cast<double>(chunks), figure());
    }
  }
  return {};
}

}  // namespace

Result<Perplexity> measure_perplexity(Model& model, Backend& backend,
                                      std::span<const int32_t> tokens,
                                      const EvaluationOptions& options) {
  RETURN_IF_ERROR(check_text(tokens, options.context, model.config().vocab));
  ASSIGN_OR_RETURN(
      const auto session,
      Session::create(model, backend, {.context = options.context, .kv_type = options.kv_type}));
  const auto vocab = static_cast<std::size_t>(model.config().vocab);
  double sum = 0.0, squares = 0.0;  // of the scored tokens' negative log likelihoods
  int64_t count = 0;

  const auto score = [&](std::span<const int32_t> chunk) -> Status {
    session->reset(0);
    for (const Piece& piece : cut(chunk)) {
      const SessionInput input[] = {{0, piece.tokens, piece.scored}};
      session->step(input, [&](std::span<const float> logits) {
        for (int32_t row = 0; row < piece.scored; ++row) {
          const auto r = static_cast<std::size_t>(row);
          const auto of_row = logits.subspan(r * vocab, vocab);
          const auto next = chunk[static_cast<std::size_t>(piece.begin) + r + 1];
          const double loss = log_sum_exp(of_row) - of_row[static_cast<std::size_t>(next)];
          sum += loss;
          squares += loss * loss;
          ++count;
        }
      });
    }
    return std::isfinite(sum) ? Status{} : not_finite();
  };
  RETURN_IF_ERROR(for_each_chunk(tokens, options, score,
                                 [&] { return std::exp(sum / static_cast<double>(count)); }));

  const double n = static_cast<double>(count), mean = sum / n;
  const double variance = std::max(0.0, squares / n - mean * mean);
  Perplexity result{.perplexity = std::exp(mean), .tokens = count};
  result.standard_error = result.perplexity * std::sqrt(variance / std::max(1.0, n - 1.0));
  return result;
}

Result<Divergence> measure_divergence(Model& model, Backend& backend, Model& reference,
                                      Backend& reference_backend, std::span<const int32_t> tokens,
                                      const EvaluationOptions& options) {
  RETURN_IF_ERROR(check_text(tokens, options.context, model.config().vocab));
  if (model.config().vocab != reference.config().vocab) {
    return fail(Code::kInvalidArgument,
                fmt::format("the model has {} tokens and its reference {}", model.config().vocab,
                            reference.config().vocab),
                {}, "the two must be one model in different precision");
  }
  ASSIGN_OR_RETURN(
      const auto session,
      Session::create(model, backend, {.context = options.context, .kv_type = options.kv_type}));
  ASSIGN_OR_RETURN(
      const auto reference_session,
      Session::create(reference, reference_backend,
                      {.context = options.context, .kv_type = options.reference_kv_type}));
  const auto vocab = static_cast<std::size_t>(model.config().vocab);
  std::vector<double> all;
  double sum = 0.0;
  int64_t agreed = 0;

  const auto score = [&](std::span<const int32_t> chunk) -> Status {
    session->reset(0);
    reference_session->reset(0);
    std::vector<float> expected;
    for (const Piece& piece : cut(chunk)) {
      const SessionInput input[] = {{0, piece.tokens, piece.scored}};
      reference_session->step(
          input, [&](std::span<const float> l) { expected.assign(l.begin(), l.end()); });
      session->step(input, [&](std::span<const float> logits) {
        for (std::size_t at = 0; at < logits.size(); at += vocab) {
          const auto ours = logits.subspan(at, vocab);
          const auto theirs = std::span<const float>(expected).subspan(at, vocab);
          all.push_back(divergence(ours, theirs));
          sum += all.back();
          agreed += argmax(ours) == argmax(theirs) ? 1 : 0;
        }
      });
    }
    return std::isfinite(sum) ? Status{} : not_finite();
  };
  RETURN_IF_ERROR(for_each_chunk(tokens, options, score,
                                 [&] { return sum / static_cast<double>(all.size()); }));

  const double n = static_cast<double>(all.size());
  const auto p99 = all.begin() + static_cast<std::ptrdiff_t>(0.99 * (n - 1.0));
  std::nth_element(all.begin(), p99, all.end());
  return Divergence{sum / n, *p99, static_cast<double>(agreed) / n, std::ssize(all)};
}

}  // namespace holdfast
