// The operations model code is written in, once for every device. Calls are direct, in order, from
// one thread (the engine's); a backend runs them on its own pool or stream. About fifteen fused
// operations, no graph.
//
// Every operation gives each output element an order of summation that depends on the weight's
// format and K alone: never on the batch, the thread count or the row. See ARCHITECTURE.md,
// "Numbers".
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/batch.h"
#include "base/result.h"
#include "tensor/tensor_view.h"

namespace holdfast {

// Activations: float32, row-major, in the backend's memory. A Mat is a view; see Backend::scratch
// for its life.
struct Mat {
  float* data = nullptr;
  int64_t rows = 0, cols = 0;
  int64_t stride = 0;  // floats from one row to the next, >= cols

  Mat columns(int64_t begin, int64_t count) const { return {data + begin, rows, count, stride}; }
};

// A weight inside a backend, in whatever order its kernels like. [rows, cols] = [out, in].
class PreparedWeight {
 public:
  virtual ~PreparedWeight() = default;
  virtual int64_t rows() const = 0;
  virtual int64_t cols() const = 0;
  virtual DType type() const = 0;
};
using WeightPtr = std::shared_ptr<const PreparedWeight>;

// A vector of floats in the backend: norms, biases, rotary tables.
class PreparedVector {
 public:
  virtual ~PreparedVector() = default;
  virtual int64_t size() const = 0;
};
using VectorPtr = std::shared_ptr<const PreparedVector>;

// kQ16: 16-bit integers with one scale for each head's key and value, closer to the float than
// float16 is. kQ8: 8-bit integers with a scale for 32 values.
enum class KvType { kF32, kQ16, kQ8 };

std::string kv_type_name(KvType type);  // "q16"
std::optional<KvType> find_kv_type(std::string_view name);

struct KvSpec {
  int32_t layers = 0;
  int32_t page_tokens = 32;
  int32_t pages = 0;
  int64_t k_width = 0;  // floats of one token's key in one layer: kv_heads * head_dim, or kv_rank +
                        // rope_dim (MLA)
  int64_t v_width = 0;  // 0 for MLA: the value is the first kv_rank floats of the key
  int32_t kv_heads = 1;
  KvType type = KvType::kQ16;

  int64_t bytes_per_token() const;  // all layers
};

class KvCache {
 public:
  virtual ~KvCache() = default;
  virtual const KvSpec& spec() const = 0;
  // Copies the first `tokens` slots of a page in every layer (copy-on-write of a shared partial
  // page).
  virtual void copy_page(int32_t from, int32_t to, int32_t tokens) = 0;
};

struct LinearJob {
  const PreparedWeight* weight;
  const PreparedVector* bias = nullptr;  // [weight.rows] or none
  Mat out;                               // [x.rows, weight.rows]
  bool accumulate = false;               // out += instead of out = (the residual connection)
};

struct AttentionParams {
  int32_t heads, kv_heads, head_dim;
  float scale;
};

// The rows [begin, end) of one text among those of a batch.
struct RowRange {
  int32_t begin = 0, end = 0;
};

struct MlaParams {
  int32_t heads, kv_rank, rope_dim;
  float scale;
};

// How positions rotate queries and keys; made once by the model from its RopeConfig.
struct RopeTable {
  bool interleaved = false;                // pairs (2i, 2i + 1) instead of (i, i + dim / 2)
  int32_t dim = 0;                         // rotated values of a head
  std::vector<float> inverse_frequencies;  // [dim / 2]
  float magnitude = 1.0f;                  // multiplied to cos and sin (YaRN)
};

struct ExpertWeights {
  WeightPtr gate, up, down;  // [ffn, hidden], [ffn, hidden], [hidden, ffn]
};

struct MoeWeights {
  WeightPtr router;           // [experts, hidden]
  VectorPtr correction_bias;  // [experts] added to the scores for the choice only (V3); may be null
  std::vector<ExpertWeights> experts;
};

struct MoeParams {
  int32_t used = 0;                     // experts chosen for each token
  int32_t groups = 1, used_groups = 1;  // group-limited routing when groups > 1
  bool sigmoid = false;                 // scores by sigmoid (V3) instead of softmax (V2)
  bool group_score_top2 = false;   // a group's score: the sum of its two best instead of its best
  bool normalize_weights = false;  // chosen weights divided by their sum
  float weight_scale = 1.0f;
};

// What a device can do at most, measured with the instructions its kernels use; per second. A
// multiplication and an addition are two operations. 0: no such instruction.
struct Peaks {
  double read_bytes = 0.0;  // from memory
  double int8 = 0.0, bf16 = 0.0, fp32 = 0.0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string describe() const = 0;  // "cpu avx512, 2 threads"

  // ---- For measuring.
  // Measures the device's limits, about a second; all zero where a backend has no way to.
  virtual Peaks measure_peaks() { return {}; }
  // Seconds for which threads had nothing to do while operations ran, summed up over the threads,
  // since count_idle(true); 0 where a backend cannot tell. Counting costs a little.
  virtual void count_idle(bool) {}
  virtual double idle_seconds() const { return 0.0; }

  // ---- Loading. A weight enters once; prepare() may repack it (the view may then be dropped) or
  // keep the view (mapped: the ModelFile must outlive the weight). unimplemented for a type it
  // cannot compute with.
  virtual Result<WeightPtr> prepare(const TensorView& weight) = 0;
  // The same for a matrix that only embed() will read.
  virtual Result<WeightPtr> prepare_table(const TensorView& weight) { return prepare(weight); }
  virtual Result<VectorPtr> prepare_vector(const TensorView& vector) = 0;  // any computed type, [n]
  virtual VectorPtr prepare_vector(std::span<const float> values) = 0;
  virtual Result<std::unique_ptr<KvCache>> make_kv_cache(const KvSpec& spec) = 0;

  // Goes on for about so long with what loading left for later, and says whether something is
  // left: a model starts sooner than its weights are where they are fastest. Steps do some of it
  // each. Results do not change. Not during a step.
  virtual bool settle(std::chrono::steady_clock::duration) { return false; }
  // The same until nothing is left.
  void settle() {
    while (settle(std::chrono::hours(1))) {
    }
  }
  // Bytes of memory that settling will still take.
  virtual int64_t memory_to_come() const { return 0; }

  // ---- A step. scratch() memory is uninitialised and valid until end_step().
  virtual void begin_step() = 0;
  virtual void end_step() = 0;
  virtual Mat scratch(int64_t rows, int64_t cols) = 0;

  // out[r] = weight row tokens[r]. out: [rows, hidden]
  virtual void embed(const PreparedWeight& weight, std::span<const int32_t> tokens, Mat out) = 0;
  // out = x / rms(x) * weight, over each row. out may be x.
  virtual void rms_norm(Mat x, const PreparedVector& weight, float eps, Mat out) = 0;
  // The same over each of `heads` equal parts of a row, weight: [cols / heads] (Qwen3's q and k
  // norm). In place.
  virtual void head_rms_norm(Mat x, int32_t heads, const PreparedVector& weight, float eps) = 0;
  // out = (x - mean(x)) / sqrt(variance(x) + eps) * weight + bias, over each row (arXiv
  // 1607.06450). out may be x.
  virtual void layer_norm(Mat x, const PreparedVector& weight, const PreparedVector& bias,
                          float eps, Mat out) = 0;
  // Several matrices over one x, so that x is quantized and read once.
  virtual void linear(Mat x, std::span<const LinearJob> jobs) = 0;
  // One small matrix for each head: out columns [h*out_dim, (h+1)*out_dim) = weights[h] x columns
  // [h*x_head_stride, h*x_head_stride + in_dim). MLA's absorbed projections.
  virtual void head_linear(Mat x, int64_t x_head_stride, std::span<const WeightPtr> weights,
                           Mat out, int64_t out_head_stride) = 0;
  // Rotates, in every one of `heads` heads of head_dim values, the `table.dim` values from `offset`
  // on. In place.
  virtual void rope(Mat x, int32_t heads, int32_t head_dim, int32_t offset, const RopeTable& table,
                    std::span<const int32_t> positions) = 0;
  // Stores each row's key and value at its token's slot. v is empty ({}) for MLA.
  virtual void kv_append(KvCache& cache, int32_t layer, const Batch& batch, Mat k, Mat v) = 0;
  // Causal attention of every row over its sequence's cached tokens and the rows up to itself
  // (kv_append first). q, out: [rows, heads * head_dim]. Reduces over fixed blocks of tokens in
  // order.
  virtual void attention(Mat q, const KvCache& cache, int32_t layer, const Batch& batch,
                         const AttentionParams& params, Mat out) = 0;
  // MLA, absorbed form (arXiv 2405.04434, section 2.1): q: [rows, heads * (kv_rank + rope_dim)]
  // against the cached latent, out: [rows, heads * kv_rank].
  virtual void mla_attention(Mat q, const KvCache& cache, int32_t layer, const Batch& batch,
                             const MlaParams& params, Mat out) = 0;
  // Attention of every row over all rows of its text, without a cache: encoders. q, out: [rows,
  // heads * head_dim]; k, v: [rows, kv_heads * head_dim]. Reduces as attention() does.
  virtual void full_attention(Mat q, Mat k, Mat v, std::span<const RowRange> texts,
                              const AttentionParams& params, Mat out) = 0;
  // out = x * Phi(x), the exact form (arXiv 1606.08415, section 2); out = tanh(x). out may be x.
  virtual void gelu(Mat x, Mat out) = 0;
  virtual void tanh(Mat x, Mat out) = 0;
  // out = silu(gate) * up. out may be gate.
  virtual void swiglu(Mat gate, Mat up, Mat out) = 0;
  // out += sum over chosen experts of weight_e * down_e(silu(gate_e x) * up_e x), routed by params.
  virtual void moe(Mat x, const MoeWeights& weights, const MoeParams& params, Mat out) = 0;
  virtual void add(Mat x, Mat y) = 0;  // x += y
  virtual void copy(Mat from, Mat to) = 0;
  virtual void gather_rows(Mat x, std::span<const int32_t> rows, Mat out) = 0;
  // Waits for what was queued and shows x to the host, [rows * cols] without gaps; valid until
  // end_step().
  virtual std::span<const float> read(Mat x) = 0;
};

}  // namespace holdfast
