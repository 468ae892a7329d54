#include "backend/cpu/cpu_backend.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "backend/cpu/backend_impl.h"
#include "backend/cpu/kv_cache.h"
#include "backend/cpu/peaks.h"
#include "base/check.h"
#include "base/paged_bytes.h"

namespace holdfast {
namespace {

// The kernels of an instruction set, or null where this build or machine lacks it.
const cpu::Kernels* kernels_for(const std::string& isa) {
  if (isa == "generic") return &cpu::generic_kernels();
#if defined(__x86_64__)
  __builtin_cpu_init();
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;  // F16C: a name that clang's builtin does not know
  const bool f16c = __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
  const bool avx2 = f16c && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi2");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
  if (isa == "avx2" && avx2) return cpu::avx2_kernels();
  if (isa == "avx512" && avx512) return cpu::avx512_kernels();
  // Two that are newer than the compiler's names for them, of the same leaf.
  const bool more = __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0;
  const bool avx_vnni = more && (eax & 1u << 4) != 0, bf16 = more && (eax & 1u << 5) != 0;
  if (isa == "avx2_vnni" && avx2 && avx_vnni) return cpu::avx2_vnni_kernels();
  if (isa == "avx512_bf16" && avx512 && bf16) return cpu::avx512_bf16_kernels();
#elif defined(__aarch64__)
  if (isa == "neon") return cpu::neon_kernels();
  if (isa == "neon_dot" && (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0) {
    return cpu::neon_dot_kernels();
  }
#endif
  return nullptr;
}

// The best first.
constexpr const char* kIsas[] = {"avx512_bf16", "avx512", "avx2_vnni", "avx2",
                                 "neon_dot",    "neon",   "generic"};

const cpu::Kernels* best_kernels() {
  for (const char* isa : kIsas) {
    if (const cpu::Kernels* kernels = kernels_for(isa)) return kernels;
  }
  return &cpu::generic_kernels();
}

// "avx512, avx2, generic": those that can be asked for here.
std::string available_isas() {
  std::string names;
  for (const char* isa : kIsas) {
    if (kernels_for(isa) != nullptr) names += (names.empty() ? "" : ", ") + std::string(isa);
  }
  return names;
}

}  // namespace

Result<std::unique_ptr<Backend>> make_cpu_backend(const CpuOptions& options) {
  std::string isa = options.isa;
  std::string where = "CpuOptions::isa";
  if (isa.empty()) {
    if (const char* forced = std::getenv("HOLDFAST_ISA")) isa = forced;
    where = "HOLDFAST_ISA";
  }
  const cpu::Kernels* kernels = isa.empty() ? best_kernels() : kernels_for(isa);
  if (kernels == nullptr) {
    return fail(Code::kInvalidArgument,
                "this machine or build has no instruction set '" + isa + "'", where,
                "leave it unset for the best one, or use one of: " + available_isas());
  }
  if (options.threads < 0 || options.threads > 1024) {
    return fail(Code::kInvalidArgument,
                std::to_string(options.threads) + " threads is out of range", "threads",
                "use 1 to 1024, or 0 for one on each core");
  }
  const int threads = options.threads > 0 ? options.threads : ThreadPool::available_cpus();
  return std::make_unique<cpu::CpuBackend>(*kernels, threads);
}

namespace cpu {

std::string CpuBackend::describe() const {
  return std::string("cpu ") + kernels_.isa + ", " + std::to_string(pool_.size()) +
         (pool_.size() == 1 ? " thread" : " threads");
}

Peaks CpuBackend::measure_peaks() { return cpu::measure_peaks(kernels_.isa, pool_); }

// ---- Loading.

Result<WeightPtr> CpuBackend::prepare(const TensorView& weight) {
  ASSIGN_OR_RETURN(std::shared_ptr<CpuWeight> prepared,
                   CpuWeight::make(weight, kernels_, pool_, weight_memory_));
  if (prepared->wants_to_move()) unmoved_.push_back(prepared);
  return prepared;
}

Result<WeightPtr> CpuBackend::prepare_table(const TensorView& weight) {
  return CpuWeight::keep_loaded(weight, pool_);
}

bool CpuBackend::settle(std::chrono::steady_clock::duration time) {
  constexpr int64_t kPart = 8 << 20;
  const auto end = std::chrono::steady_clock::now() + time;
  while (!unmoved_.empty()) {
    const std::shared_ptr<CpuWeight> weight = unmoved_.front().lock();
    if (weight == nullptr || !weight->wants_to_move()) {
      unmoved_.pop_front();
    } else if (std::chrono::steady_clock::now() >= end) {
      return true;
    } else {
      weight->move(kernels_, pool_, weight_memory_, kPart);
    }
  }
  return false;
}

int64_t CpuBackend::memory_to_come() const {
  int64_t bytes = 0;
  for (const auto& unmoved : unmoved_) {
    const std::shared_ptr<CpuWeight> weight = unmoved.lock();
    if (weight != nullptr && weight->wants_to_move()) bytes += std::ssize(weight->view().bytes);
  }
  return bytes;
}

Result<VectorPtr> CpuBackend::prepare_vector(const TensorView& vector) {
  TensorView row = vector;
  row.shape = Shape{{1, vector.shape.elements()}, 2};
  ASSIGN_OR_RETURN(const auto weight, CpuWeight::keep(row));
  std::vector<float> values(static_cast<std::size_t>(row.cols()));
  RETURN_IF_ERROR(fetch_bytes(row.bytes));
  weight->decode_row(0, values.data());
  unpin_bytes(row.bytes);
  return std::make_shared<CpuVector>(std::move(values));
}

VectorPtr CpuBackend::prepare_vector(std::span<const float> values) {
  return std::make_shared<CpuVector>(std::vector<float>(values.begin(), values.end()));
}

Result<std::unique_ptr<KvCache>> CpuBackend::make_kv_cache(const KvSpec& spec) {
  return CpuKvCache::make(spec);
}

// ---- A step.

void CpuBackend::begin_step() {
  arena_.reset();
  pool_.begin_step();
  // Before a step and not after it, where a token would wait. Block formats cost a lot while they
  // lie in their file, floats little.
  if (!unmoved_.empty()) {
    const std::shared_ptr<CpuWeight> next = unmoved_.front().lock();
    settle(next != nullptr && next->format() != nullptr ? last_step_ : last_step_ / 10);
  }
  step_start_ = std::chrono::steady_clock::now();
}

void CpuBackend::end_step() {
  last_step_ = std::chrono::steady_clock::now() - step_start_;
  pool_.end_step();
}

Mat CpuBackend::scratch(int64_t rows, int64_t cols) {
  return {arena_.array<float>(rows * cols), rows, cols, cols};
}

// ---- Operations over rows.

void CpuBackend::embed(const PreparedWeight& weight, std::span<const int32_t> tokens, Mat out) {
  const CpuWeight& table = as_cpu(weight);
  CHECK(out.rows == static_cast<int64_t>(tokens.size()) && out.cols == table.cols());
  for_rows(out.rows, out.cols, [&](int64_t row) {
    const int32_t token = tokens[static_cast<std::size_t>(row)];
    CHECK(token >= 0 && token < table.rows()) << "token " << token << " of " << table.rows();
    table.decode_row(token, row_of(out, row));
  });
}

void CpuBackend::rms_norm(Mat x, const PreparedVector& weight, float eps, Mat out) {
  CHECK(x.rows == out.rows && x.cols == out.cols && weight.size() == x.cols);
  for_rows(x.rows, x.cols, [&](int64_t row) {
    kernels_.rms_norm(row_of(x, row), as_cpu(weight), eps, row_of(out, row), x.cols);
  });
}

void CpuBackend::head_rms_norm(Mat x, int32_t heads, const PreparedVector& weight, float eps) {
  const int64_t dim = x.cols / heads;
  CHECK(dim * heads == x.cols && weight.size() == dim);
  for_rows(x.rows, x.cols, [&](int64_t row) {
    for (int32_t head = 0; head < heads; ++head) {
      float* part = row_of(x, row) + head * dim;
      kernels_.rms_norm(part, as_cpu(weight), eps, part, dim);
    }
  });
}

void CpuBackend::layer_norm(Mat x, const PreparedVector& weight, const PreparedVector& bias,
                            float eps, Mat out) {
  CHECK(x.rows == out.rows && x.cols == out.cols && weight.size() == x.cols &&
        bias.size() == x.cols);
  for_rows(x.rows, x.cols, [&](int64_t row) {
    kernels_.layer_norm(row_of(x, row), as_cpu(weight), as_cpu(bias), eps, row_of(out, row),
                        x.cols);
  });
}

void CpuBackend::linear(Mat x, std::span<const LinearJob> jobs) {
  std::vector<LinearTask> tasks;
  tasks.reserve(jobs.size());
  for (const LinearJob& job : jobs) {
    tasks.push_back(
        {&as_cpu(*job.weight), x, job.bias ? as_cpu(*job.bias) : nullptr, job.out, job.accumulate});
  }
  run_linear(tasks, kernels_, pool_, arena_);
}

void CpuBackend::head_linear(Mat x, int64_t x_head_stride, std::span<const WeightPtr> weights,
                             Mat out, int64_t out_head_stride) {
  std::vector<LinearTask> tasks;
  tasks.reserve(weights.size());
  for (std::size_t head = 0; head < weights.size(); ++head) {
    const CpuWeight& weight = as_cpu(*weights[head]);
    const auto h = static_cast<int64_t>(head);
    tasks.push_back({&weight, x.columns(h * x_head_stride, weight.cols()), nullptr,
                     out.columns(h * out_head_stride, weight.rows()), false});
  }
  run_linear(tasks, kernels_, pool_, arena_);
}

void CpuBackend::rope(Mat x, int32_t heads, int32_t head_dim, int32_t offset,
                      const RopeTable& table, std::span<const int32_t> positions) {
  const int32_t half = table.dim / 2;
  CHECK(x.rows == static_cast<int64_t>(positions.size()) && x.cols >= int64_t{heads} * head_dim &&
        offset + table.dim <= head_dim && half == std::ssize(table.inverse_frequencies));
  const float* cosines = rope_cache_.get(table, positions, pool_);
  const float* sines = cosines + half * x.rows;
  for_rows(x.rows, int64_t{heads} * table.dim, [&](int64_t row) {
    for (int32_t head = 0; head < heads; ++head) {
      kernels_.rotate(row_of(x, row) + int64_t{head} * head_dim + offset, cosines + row * half,
                      sines + row * half, table.dim, table.interleaved);
    }
  });
}

void CpuBackend::swiglu(Mat gate, Mat up, Mat out) {
  CHECK(gate.rows == up.rows && gate.cols == up.cols && out.rows == up.rows && out.cols == up.cols);
  // One row of a wide layer is worth several threads: pieces of columns.
  constexpr int64_t kPiece = 4096;
  const int64_t pieces = (gate.cols + kPiece - 1) / kPiece;
  pool_.parallel_for(gate.rows * pieces, 2, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / pieces, column = i % pieces * kPiece;
      kernels_.swiglu(row_of(gate, row) + column, row_of(up, row) + column,
                      row_of(out, row) + column, std::min(kPiece, gate.cols - column));
    }
  });
}

void CpuBackend::for_pieces(Mat x, Mat out, void (*kernel)(const float* x, float* out, int64_t n)) {
  CHECK(x.rows == out.rows && x.cols == out.cols);
  constexpr int64_t kPiece = 4096;
  const int64_t pieces = (x.cols + kPiece - 1) / kPiece;
  pool_.parallel_for(x.rows * pieces, 2, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / pieces, column = i % pieces * kPiece;
      kernel(row_of(x, row) + column, row_of(out, row) + column, std::min(kPiece, x.cols - column));
    }
  });
}

void CpuBackend::gelu(Mat x, Mat out) { for_pieces(x, out, kernels_.gelu); }

void CpuBackend::tanh(Mat x, Mat out) { for_pieces(x, out, kernels_.tanh); }

void CpuBackend::add(Mat x, Mat y) {
  CHECK(x.rows == y.rows && x.cols == y.cols);
  for_rows(x.rows, x.cols,
           [&](int64_t row) { kernels_.add(row_of(x, row), row_of(y, row), x.cols); });
}

void CpuBackend::copy(Mat from, Mat to) {
  CHECK(from.rows == to.rows && from.cols == to.cols);
  for_rows(from.rows, from.cols, [&](int64_t row) {
    std::memcpy(row_of(to, row), row_of(from, row),
                sizeof(float) * static_cast<std::size_t>(from.cols));
  });
}

void CpuBackend::gather_rows(Mat x, std::span<const int32_t> rows, Mat out) {
  CHECK(out.rows == static_cast<int64_t>(rows.size()) && out.cols == x.cols);
  for_rows(out.rows, out.cols, [&](int64_t row) {
    const int32_t from = rows[static_cast<std::size_t>(row)];
    CHECK(from >= 0 && from < x.rows) << "row " << from << " of " << x.rows;
    std::memcpy(row_of(out, row), row_of(x, from),
                sizeof(float) * static_cast<std::size_t>(x.cols));
  });
}

std::span<const float> CpuBackend::read(Mat x) {
  if (x.stride != x.cols && x.rows > 1) {
    const Mat whole = scratch(x.rows, x.cols);
    copy(x, whole);
    x = whole;
  }
  return {x.data, static_cast<std::size_t>(x.rows * x.cols)};
}

}  // namespace cpu
}  // namespace holdfast
