// Times of the CPU backend's attention over a long context, beside the operations it does and the
// bytes of cache it reads.
//
//   attention_bench [--isa avx2] [--threads 2] [--type q16,q8,f32] [--rows 1,8,512]
//                   [--context 512,8192,32768] [--heads 12] [--kv-heads 2] [--dim 128] [--mla 512]
//                   [--cpu-time]
//
// The last `rows` tokens of one sequence of `context` tokens attend. --mla R: the absorbed form,
// over latents of R + 64 values. Each figure is the median of at least 3 runs and a fifth of a
// second; with --cpu-time (one thread, for a machine that others use as well) the least processor
// time.
#include <algorithm>
#include <cstdio>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "base/check.h"
#include "bench_util.h"

namespace holdfast {
namespace {

struct Shape {
  int32_t heads, kv_heads, dim;
  int32_t latent;  // 0, or MLA's kv_rank
  int32_t key_dim() const { return latent > 0 ? latent + 64 : dim; }
  int32_t value_dim() const { return latent > 0 ? latent : dim; }
};

class Bench {
 public:
  Bench(Backend& backend, const Shape& shape, KvType type, int32_t context)
      : backend_(backend), shape_(shape), context_(context) {
    constexpr int32_t kPageTokens = 32;
    for (int32_t i = 0; i * kPageTokens < context; ++i) pages_.push_back(i);
    std::shuffle(pages_.begin(), pages_.end(), random_);
    const int64_t width = int64_t{shape.kv_heads} * shape.key_dim();
    auto cache = backend.make_kv_cache({.layers = 1,
                                        .page_tokens = kPageTokens,
                                        .pages = static_cast<int32_t>(pages_.size()),
                                        .k_width = width,
                                        .v_width = shape.latent > 0 ? 0 : width,
                                        .kv_heads = shape.kv_heads,
                                        .type = type});
    CHECK(cache.has_value()) << cache.error().message;
    cache_ = std::move(*cache);
    bytes_ = static_cast<double>(cache_->spec().bytes_per_token());
    for (int32_t done = 0; done < context; done += 512) append(done, std::min(512, context - done));
  }

  double seconds(int32_t rows, bool cpu_time) {
    std::vector<double> times;
    double total = 0;
    const SequenceSlice slice{0, rows, context_ - rows, pages_};
    Batch batch;
    batch.sequences = {&slice, 1};
    backend_.begin_step();
    const Mat q = random_mat(rows, int64_t{shape_.heads} * shape_.key_dim());
    const Mat out = backend_.scratch(rows, int64_t{shape_.heads} * shape_.value_dim());
    while (times.size() < 3 || (total < 0.2 && times.size() < 1000)) {
      const double start = now(cpu_time);
      attend(q, batch, out);
      times.push_back(now(cpu_time) - start);
      total += times.back();
    }
    backend_.end_step();
    if (cpu_time) return *std::ranges::min_element(times);
    std::ranges::nth_element(times, times.begin() + std::ssize(times) / 2);
    return times[times.size() / 2];
  }
  double operations(int32_t rows) const {
    const double seen = context_ - (rows - 1) / 2.0;
    return 2.0 * rows * seen * shape_.heads * (shape_.key_dim() + shape_.value_dim());
  }
  double bytes() const { return bytes_ * context_; }

 private:
  Mat random_mat(int64_t rows, int64_t cols) {
    const Mat m = backend_.scratch(rows, cols);
    for (int64_t i = 0; i < rows * cols; ++i)
      m.data[i] = static_cast<float>(static_cast<int>(random_() % 2001) - 1000) / 600.0f;
    return m;
  }
  void append(int32_t done, int32_t rows) {
    const SequenceSlice slice{0, rows, done, pages_};
    Batch batch;
    batch.sequences = {&slice, 1};
    backend_.begin_step();
    const int64_t width = int64_t{shape_.kv_heads} * shape_.key_dim();
    const Mat k = random_mat(rows, width);
    backend_.kv_append(*cache_, 0, batch, k, shape_.latent > 0 ? Mat{} : random_mat(rows, width));
    backend_.end_step();
  }
  void attend(Mat q, const Batch& batch, Mat out) {
    if (shape_.latent > 0) {
      backend_.mla_attention(q, *cache_, 0, batch, {shape_.heads, shape_.latent, 64, 0.05f}, out);
    } else {
      backend_.attention(q, *cache_, 0, batch, {shape_.heads, shape_.kv_heads, shape_.dim, 0.09f},
                         out);
    }
  }

  Backend& backend_;
  const Shape shape_;
  const int32_t context_;
  std::mt19937 random_{1};
  std::vector<int32_t> pages_;
  std::unique_ptr<KvCache> cache_;
  double bytes_ = 0;
};

int main_of(int argc, char** argv) {
  std::map<std::string, std::string> o{{"isa", ""},
                                       {"threads", "0"},
                                       {"type", "q16,q8,f32"},
                                       {"rows", "1,8,512"},
                                       {"context", "512,8192,32768"},
                                       {"heads", "12"},
                                       {"kv-heads", "2"},
                                       {"dim", "128"},
                                       {"mla", "0"}};
  bool cpu_time = false;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i] + (std::string(argv[i]).starts_with("--") ? 2 : 0);
    if (name == "cpu-time") {
      cpu_time = true;
      continue;
    }
    CHECK(o.contains(name) && i + 1 < argc) << name << " is no option, or needs a value";
    o[name] = argv[++i];
  }
  const int threads = cpu_time ? 1 : std::stoi(o["threads"]);
  auto backend = make_cpu_backend({.threads = threads, .isa = o["isa"]});
  CHECK(backend.has_value()) << backend.error().message;
  std::printf("%s\n", (*backend)->describe().c_str());
  Shape shape{std::stoi(o["heads"]), std::stoi(o["kv-heads"]), std::stoi(o["dim"]),
              std::stoi(o["mla"])};
  if (shape.latent > 0) shape.kv_heads = 1;
  for (const std::string& type : split(o["type"])) {
    const KvType kv = type == "f32" ? KvType::kF32 : type == "q8" ? KvType::kQ8 : KvType::kQ16;
    for (const std::string& context : split(o["context"])) {
      Bench bench(**backend, shape, kv, std::stoi(context));
      for (const std::string& text : split(o["rows"])) {
        const int32_t rows = std::stoi(text);
        const double seconds = bench.seconds(rows, cpu_time);
        std::printf("%-4s context %6s %4d rows %10.3f ms %7.1f GB/s %8.1f Gop/s\n", type.c_str(),
                    context.c_str(), rows, seconds * 1e3, bench.bytes() / seconds / 1e9,
                    bench.operations(rows) / seconds / 1e9);
        std::fflush(stdout);
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) { return holdfast::main_of(argc, argv); }
