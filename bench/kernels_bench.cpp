// Times of the CPU backend's linear operation, beside the machine's limits for the bytes it reads
// and the operations it does.
//
//   kernels_bench [--isa avx2] [--threads 2] [--type q4_K] [--rows 1,8,512] [--shape 8960x1536]
//                 [--cpu-time]
//
// Weights are random bytes; enough copies of a matrix take turns that none stays in a cache. Each
// figure is the median of at least 5 runs and a quarter of a second; with --cpu-time (one thread,
// for a machine that others use as well) the least processor time.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "base/check.h"
#include "bench_util.h"

namespace holdfast {
namespace {

struct Options {
  std::string isa;
  int threads = 0;
  bool cpu_time = false;
  std::size_t cache_mib = 192;
  std::vector<std::string> types{"q4_K", "q6_K", "q8_0", "q5_K", "q4_0", "bf16", "f16", "f32"};
  std::vector<std::string> rows{"1", "8", "512"};
  std::vector<std::string> shapes{"1536x1536", "8960x1536", "1536x8960", "151936x1536"};
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--cpu-time") {
      options.cpu_time = true;
      options.threads = 1;
      continue;
    }
    CHECK(i + 1 < argc) << name << " needs a value";
    const std::string value = argv[++i];
    if (name == "--isa") options.isa = value;
    if (name == "--threads") options.threads = std::stoi(value);
    if (name == "--type") options.types = split(value, ',');
    if (name == "--rows") options.rows = split(value, ',');
    if (name == "--spread") options.cache_mib = std::stoul(value);
    if (name == "--shape") options.shapes = split(value, ',');
  }
  return options;
}

double typical_seconds(Backend& backend, const std::vector<WeightPtr>& weights, Mat x, Mat out,
                       bool cpu_time) {
  std::vector<double> times;
  double total = 0;
  for (std::size_t i = 0; i < 5 || (total < 0.25 && i < 1000); ++i) {
    const LinearJob job{weights[i % weights.size()].get(), nullptr, out};
    const double start = now(cpu_time);
    backend.linear(x, {&job, 1});
    times.push_back(now(cpu_time) - start);
    total += times.back();
  }
  if (cpu_time) return *std::ranges::min_element(times);
  std::ranges::nth_element(times, times.begin() + std::ssize(times) / 2);
  return times[times.size() / 2];
}

void run(Backend& backend, DType type, int64_t out, int64_t in, const Options& options) {
  std::mt19937 random(1);
  const uint64_t bytes = row_bytes(type, static_cast<uint64_t>(in)) * static_cast<uint64_t>(out);
  // 0x3c-free bytes keep f16 scales and floats finite and small.
  std::vector<std::byte> content(bytes);
  for (auto& byte : content) byte = static_cast<std::byte>(random() & 0x2b);
  const auto copies = std::clamp<std::size_t>((uint64_t{options.cache_mib} << 20) / bytes, 1, 64);
  std::vector<WeightPtr> weights;
  std::vector<std::vector<std::byte>> kept;  // floats stay where they are
  for (std::size_t i = 0; i < copies; ++i) {
    // As in a file: on a multiple of 64 bytes.
    auto& memory = kept.emplace_back(bytes + 64);
    std::byte* data = memory.data() + 64 - reinterpret_cast<uintptr_t>(memory.data()) % 64;
    std::memcpy(data, content.data(), bytes);
    auto weight = backend.prepare({type, Shape{{out, in}, 2}, {data, bytes}});
    CHECK(weight.has_value()) << weight.error().message;
    weights.push_back(*weight);
    if (dtype_info(type).block_size > 1) kept.clear();
  }
  for (const std::string& text : options.rows) {
    const int64_t rows = std::stoll(text);
    backend.begin_step();
    const Mat x = backend.scratch(rows, in), y = backend.scratch(rows, out);
    for (int64_t i = 0; i < rows * in; ++i)
      x.data[i] = static_cast<float>(random() % 2000) / 1e3f - 1;
    const double seconds = typical_seconds(backend, weights, x, y, options.cpu_time);
    backend.end_step();
    std::printf("%-6s %6ld x %5ld %5ld rows %9.3f ms %7.1f GB/s %8.1f Gop/s\n",
                std::string(dtype_info(type).name).c_str(), out, in, rows, seconds * 1e3,
                static_cast<double>(bytes) / seconds / 1e9,
                2.0 * static_cast<double>(rows * out * in) / seconds / 1e9);
    std::fflush(stdout);
  }
}

int main_of(int argc, char** argv) {
  const Options options = parse(argc, argv);
  auto backend = make_cpu_backend({.threads = options.threads, .isa = options.isa});
  CHECK(backend.has_value()) << backend.error().message;
  std::printf("%s\n", (*backend)->describe().c_str());
  for (const std::string& name : options.types) {
    const DTypeInfo* info = find_dtype(name);
    CHECK(info != nullptr) << "no type " << name;
    for (const std::string& shape : options.shapes) {
      const auto sizes = split(shape, 'x');
      run(**backend, info->type, std::stoll(sizes[0]), std::stoll(sizes[1]), options);
    }
  }
  return 0;
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) { return holdfast::main_of(argc, argv); }
