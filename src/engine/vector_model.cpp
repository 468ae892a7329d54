#include "engine/vector_model.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "model/session.h"

namespace holdfast {
namespace {

// Sums in double, in the order of the tokens.
class Pool {
 public:
  Pool(const VectorOptions& options, int32_t size)
      : options_(options), sums_(static_cast<std::size_t>(size)) {}

  // The hidden states of further tokens, [n, size].
  void take(std::span<const float> rows) {
    for (std::size_t at = 0; at < rows.size(); at += sums_.size(), ++count_) {
      const auto row = rows.subspan(at, sums_.size());
      if (options_.pooling == Pooling::kCls && count_ > 0) continue;
      for (std::size_t i = 0; i < sums_.size(); ++i) {
        sums_[i] = options_.pooling == Pooling::kMean ? sums_[i] + double{row[i]} : double{row[i]};
      }
    }
  }

  std::vector<float> finish() {
    double scale = options_.pooling == Pooling::kMean ? 1.0 / static_cast<double>(count_) : 1.0;
    if (options_.normalize) {
      double squares = 0.0;
      for (const double value : sums_) squares += value * value;
      scale = squares > 0.0 ? 1.0 / std::sqrt(squares) : 0.0;
    }
    std::vector<float> out;
    out.reserve(sums_.size());
    for (const double value : sums_) out.push_back(static_cast<float>(value * scale));
    return out;
  }

 private:
  const VectorOptions& options_;
  std::vector<double> sums_;
  int64_t count_ = 0;
};

class EncoderVectors final : public VectorModel {
 public:
  EncoderVectors(Encoder& encoder, Backend& backend, const VectorOptions& options)
      : encoder_(encoder), backend_(backend), options_(options) {}

  int32_t size() const override {
    const ModelConfig& config = encoder_.config();
    return config.encoder.labels > 0 ? config.encoder.labels : config.hidden;
  }
  int32_t most_tokens() const override {
    const int32_t context = encoder_.config().context;
    return options_.most_tokens > 0 ? std::min(options_.most_tokens, context) : context;
  }

  std::vector<std::vector<float>> run(std::span<const TokenizedText* const> texts) override {
    std::vector<int32_t> tokens, segments;
    std::vector<RowRange> ranges;
    for (const TokenizedText* text : texts) {
      CHECK(!text->tokens.empty() && text->segments.size() == text->tokens.size());
      const auto begin = static_cast<int32_t>(tokens.size());
      tokens.insert(tokens.end(), text->tokens.begin(), text->tokens.end());
      segments.insert(segments.end(), text->segments.begin(), text->segments.end());
      ranges.push_back({begin, static_cast<int32_t>(tokens.size())});
    }
    const EncoderBatch batch{tokens, segments, ranges};
    const auto width = static_cast<std::size_t>(size());
    std::vector<std::vector<float>> out;
    backend_.begin_step();
    if (encoder_.config().encoder.labels > 0) {
      const auto values = backend_.read(encoder_.labels(batch));
      for (std::size_t i = 0; i < texts.size(); ++i) {
        const auto row = values.subspan(i * width, width);
        out.emplace_back(row.begin(), row.end());
      }
    } else {
      const auto values = backend_.read(encoder_.hidden(batch));
      for (const RowRange& range : ranges) {
        Pool pool(options_, size());
        pool.take(values.subspan(static_cast<std::size_t>(range.begin) * width,
                                 static_cast<std::size_t>(range.end - range.begin) * width));
        out.push_back(pool.finish());
      }
    }
    backend_.end_step();
    return out;
  }

 private:
  Encoder& encoder_;
  Backend& backend_;
  const VectorOptions options_;
};

// One text after the other: a decoder is large, so that one text fills a step well.
class DecoderVectors final : public VectorModel {
 public:
  DecoderVectors(Model& model, const VectorOptions& options, int32_t most_tokens,
                 std::unique_ptr<Session> session)
      : model_(model), options_(options), most_tokens_(most_tokens), session_(std::move(session)) {}

  int32_t size() const override { return model_.config().hidden; }
  int32_t most_tokens() const override { return most_tokens_; }

  std::vector<std::vector<float>> run(std::span<const TokenizedText* const> texts) override {
    constexpr std::size_t kStepTokens = 512;
    std::vector<std::vector<float>> out;
    for (const TokenizedText* text : texts) {
      Pool pool(options_, size());
      std::span<const int32_t> tokens = text->tokens;
      while (!tokens.empty()) {
        const auto now = tokens.first(std::min(kStepTokens, tokens.size()));
        tokens = tokens.subspan(now.size());
        // The last token's state is wanted only of the last step.
        const bool all = options_.pooling == Pooling::kMean;
        const auto wanted = static_cast<int32_t>(all ? now.size() : tokens.empty() ? 1 : 0);
        const SessionInput input[] = {{0, now, wanted}};
        session_->step(input, [&](std::span<const float> rows) { pool.take(rows); });
      }
      session_->reset(0);
      out.push_back(pool.finish());
    }
    return out;
  }

 private:
  Model& model_;
  const VectorOptions options_;
  const int32_t most_tokens_;
  std::unique_ptr<Session> session_;
};

}  // namespace

std::unique_ptr<VectorModel> make_vector_model(Encoder& encoder, Backend& backend,
                                               const VectorOptions& options) {
  return std::make_unique<EncoderVectors>(encoder, backend, options);
}

Result<std::unique_ptr<VectorModel>> make_vector_model(Model& model, Backend& backend,
                                                       const VectorOptions& options) {
  constexpr int32_t kMost = 8192;  // without a word of the file's: memory for the cache
  if (options.pooling != Pooling::kMean && options.pooling != Pooling::kLast) {
    return fail(Code::kInvalidArgument,
                "a decoder's first token has seen nothing: pooling is by mean or last", "pooling");
  }
  const int32_t wanted = options.most_tokens > 0 ? options.most_tokens : kMost;
  const int32_t most = std::min(wanted, model.config().context);
  ASSIGN_OR_RETURN(
      auto session,
      Session::create(model, backend, {.sequences = 1, .context = most, .hidden = true}));
  return std::make_unique<DecoderVectors>(model, options, most, std::move(session));
}

}  // namespace holdfast
