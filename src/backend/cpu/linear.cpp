#include "backend/cpu/linear.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "backend/cpu/backend_impl.h"
#include "base/check.h"

namespace holdfast::cpu {
namespace {

// Activation rows and panels of one work item: their sums are 8 x 512 x 16 x 4 bytes = 256 KiB.
constexpr int64_t kItemRows = 512, kManyPanels = 8;
// With few rows items may have more panels: their beginnings wait for memory.
constexpr int64_t kFewRows = 16, kFewPanels = 32;
static_assert(kFewRows * kFewPanels <= kItemRows * kManyPanels);

// One x, quantized for one kind of weights.
struct Input {
  Mat x;
  QuantizedRows rows;
  int64_t first_item;  // of the quantizing work
  int64_t pieces;      // work items of each block
};

constexpr int64_t kPieceStrips = 64;  // strips that one work item quantizes

// Weights [first panel, last panel) of a task times rows [first, last) (blocks for packed weights).
struct Item {
  int32_t task, input;  // input < 0: floats
  int64_t panel, last_panel, first, last;
};

FloatFormat float_format(DType type) {
  switch (type) {
    case DType::kF32:
      return FloatFormat::kF32;
    case DType::kF16:
      return FloatFormat::kF16;
    case DType::kBF16:
      return FloatFormat::kBF16;
    case DType::kF8_E4M3:
      return FloatFormat::kF8;
    default:
      CHECK(false) << dtype_info(type).name << " is no float";
      return FloatFormat::kF32;
  }
}

class Plan {
 public:
  Plan(std::span<const LinearTask> tasks, const Kernels& kernels, int threads)
      : tasks_(tasks), kernels_(kernels), threads_(threads) {
    for (std::size_t i = 0; i < tasks.size(); ++i) add(static_cast<int32_t>(i));
  }

  void run(ThreadPool& pool, Arena& arena);

 private:
  void add(int32_t index);
  int32_t input_for(const LinearTask& task);
  void quantize(int64_t index) const;
  void packed_item(const Item& item, float* acc, unsigned char* scratch) const;
  void float_item(const Item& item, float* acc, float* scratch) const;
  void store(const LinearTask& task, int64_t row, int64_t column, int64_t n,
             const float* sums) const;

  std::span<const LinearTask> tasks_;
  const Kernels& kernels_;
  const int threads_;
  std::vector<Input> inputs_;
  std::vector<Item> items_;
  int64_t quantize_items_ = 0;
};

void Plan::add(int32_t index) {
  const LinearTask& task = tasks_[static_cast<std::size_t>(index)];
  const CpuWeight& w = *task.weight;
  CHECK(task.x.cols == w.cols() && task.out.cols == w.rows() && task.x.rows == task.out.rows)
      << "linear: x [" << task.x.rows << ", " << task.x.cols << "], weight [" << w.rows() << ", "
      << w.cols() << "], out [" << task.out.rows << ", " << task.out.cols << "]";
  if (task.x.rows == 0) return;
  const bool packed = w.format() != nullptr;
  const int32_t input = packed ? input_for(task) : -1;
  // Enough panels that an item is worth taking, few enough that threads end together.
  const int64_t panel_rows = packed ? kPanelRows : kFloatPanelRows;
  const int64_t panels = (w.rows() + panel_rows - 1) / panel_rows;
  const bool few = task.x.rows <= kFewRows;
  const int64_t most = packed ? (few ? kFewPanels : kManyPanels) : 1;
  const int64_t grain =
      std::clamp<int64_t>(panels / (threads_ * 8) / 2 * 2, std::min<int64_t>(2, most), most);
  const int64_t rows = packed ? inputs_[static_cast<std::size_t>(input)].rows.blocks : task.x.rows;
  const int64_t rows_step = packed ? kItemRows / kernels_.block_rows : kItemRows;
  for (int64_t first = 0; first < rows; first += rows_step) {
    for (int64_t panel = 0; panel < panels; panel += grain) {
      items_.push_back({index, input, panel, std::min(panels, panel + grain), first,
                        std::min(rows, first + rows_step)});
    }
  }
}

int32_t Plan::input_for(const LinearTask& task) {
  const PackedFormat& format = *task.weight->format();
  const int32_t aux = kStripColumns / format.group;
  const int32_t offset = format.code_bits == 8 && kernels_.signed_bytes ? 0 : format.offset;
  for (auto i = std::ssize(inputs_) - 1; i >= 0; --i) {
    const Input& input = inputs_[static_cast<std::size_t>(i)];
    if (input.x.data == task.x.data && input.x.cols == task.x.cols && input.x.rows == task.x.rows &&
        input.x.stride == task.x.stride && input.rows.aux == aux &&
        input.rows.minimum == format.minimum && input.rows.offset == offset) {
      return static_cast<int32_t>(i);
    }
  }
  const int64_t rows = task.x.rows;
  const int64_t blocks = rows <= kernels_.single_block_rows
                             ? 1
                             : (rows + kernels_.block_rows - 1) / kernels_.block_rows;
  const int64_t strips = task.x.cols / kStripColumns;
  Input input{
      task.x,
      {nullptr, rows, task.x.cols, static_cast<int32_t>(blocks), aux, format.minimum, offset},
      quantize_items_,
      (strips + kPieceStrips - 1) / kPieceStrips};
  quantize_items_ += blocks * input.pieces;
  inputs_.push_back(input);
  return static_cast<int32_t>(inputs_.size()) - 1;
}

void Plan::quantize(int64_t index) const {
  const auto after = std::ranges::upper_bound(inputs_, index, {}, &Input::first_item);
  const Input& input = *(after - 1);
  const int64_t block = (index - input.first_item) / input.pieces;
  const int64_t begin = (index - input.first_item) % input.pieces * kPieceStrips;
  const int64_t end = std::min(begin + kPieceStrips, input.x.cols / kStripColumns);
  kernels_.quantize(row_of(input.x, first_row(input.rows, block)), input.x.stride, input.rows,
                    static_cast<int32_t>(block), begin, end);
}

// sums (+ bias) to, or onto, n columns of an output row.
void Plan::store(const LinearTask& task, int64_t row, int64_t column, int64_t n,
                 const float* sums) const {
  float* out = row_of(task.out, row) + column;
  const float* bias = task.bias == nullptr ? nullptr : task.bias + column;
  if (bias == nullptr && !task.accumulate) {
    std::memcpy(out, sums, sizeof(float) * static_cast<std::size_t>(n));
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    const float y = bias == nullptr ? sums[i] : sums[i] + bias[i];
    out[i] = task.accumulate ? out[i] + y : y;
  }
}

void Plan::packed_item(const Item& item, float* acc, unsigned char* scratch) const {
  const LinearTask& task = tasks_[static_cast<std::size_t>(item.task)];
  const CpuWeight& w = *task.weight;
  const QuantizedRows& x = inputs_[static_cast<std::size_t>(item.input)].rows;
  const PackedWork work{.format = w.format(),
                        .panels = w.panels() + item.panel * w.panel_size(),
                        .panel_bytes = w.panel_size(),
                        .scale_bytes = panel_scale_bytes(*w.format(), w.cols()),
                        .panel_count = static_cast<int32_t>(item.last_panel - item.panel),
                        .columns = w.cols(),
                        .x = &x,
                        .first_block = static_cast<int32_t>(item.first),
                        .last_block = static_cast<int32_t>(item.last),
                        .acc = acc,
                        .scratch = scratch};
  kernels_.packed_panels(work);
  const int64_t first = first_row(x, item.first), rows = first_row(x, item.last) - first;
  for (int64_t panel = item.panel; panel < item.last_panel; ++panel) {
    const int64_t column = panel * kPanelRows;
    const int64_t n = std::min<int64_t>(kPanelRows, w.rows() - column);
    for (int64_t r = 0; r < rows; ++r, acc += kPanelRows) store(task, first + r, column, n, acc);
  }
}

void Plan::float_item(const Item& item, float* acc, float* scratch) const {
  const LinearTask& task = tasks_[static_cast<std::size_t>(item.task)];
  const TensorView& w = task.weight->view();
  const int64_t row_size = static_cast<int64_t>(row_bytes(w.type, static_cast<uint64_t>(w.cols())));
  const int64_t column = item.panel * kFloatPanelRows;
  const int64_t n = std::min<int64_t>(kFloatPanelRows, w.rows() - column);
  const bool scaled = w.scale_block > 0;
  kernels_.float_panel(
      {.format = float_format(w.type),
       .weights = reinterpret_cast<const unsigned char*>(w.bytes.data()) + column * row_size,
       .row_bytes = row_size,
       .weight_rows = static_cast<int32_t>(n),
       .cols = w.cols(),
       .scales = scaled ? w.scales.data() : nullptr,
       .scale_block = w.scale_block,
       .scale_stride = scaled ? (w.cols() + w.scale_block - 1) / w.scale_block : 0,
       .first_row = column,
       .x = row_of(task.x, item.first),
       .x_stride = task.x.stride,
       .rows = item.last - item.first,
       .acc = acc,
       .scratch = scratch});
  for (int64_t r = item.first; r < item.last; ++r, acc += kFloatPanelRows)
    store(task, r, column, n, acc);
}

void Plan::run(ThreadPool& pool, Arena& arena) {
  if (items_.empty()) return;
  for (Input& input : inputs_) {
    input.rows.data = arena.array<unsigned char>(
        input.rows.columns / kStripColumns * quantized_strip_bytes(input.rows, input.rows.rows));
  }
  int64_t rows = 0;
  for (const LinearTask& task : tasks_) rows = std::max(rows, task.x.rows);
  const int64_t panels = rows <= kFewRows ? kFewPanels : kManyPanels;
  const int64_t acc =
      std::min(rows, kItemRows) * std::max(panels * kPanelRows, int64_t{kFloatPanelRows});
  const int64_t scratch = std::max<int64_t>(kFloatPanelScratch, kPackedScratch / 4);
  float* const memory = arena.array<float>((acc + scratch) * threads_);

  WorkQueue quantizing(quantize_items_), multiplying(std::ssize(items_));
  pool.run([&](int thread) {
    int64_t i, end;
    if (quantize_items_ > 0) {
      while (quantizing.take(&i, &end)) quantize(i);
      pool.barrier();
    }
    float* const my_acc = memory + (acc + scratch) * thread;
    float* const my_scratch = my_acc + acc;
    while (multiplying.take(&i, &end)) {
      const Item& item = items_[static_cast<std::size_t>(i)];
      if (item.input < 0) {
        float_item(item, my_acc, my_scratch);
      } else {
        packed_item(item, my_acc, reinterpret_cast<unsigned char*>(my_scratch));
      }
    }
  });
}

}  // namespace

void run_linear(std::span<const LinearTask> tasks, const Kernels& kernels, ThreadPool& pool,
                Arena& arena) {
  const auto mark = arena.mark();
  Plan(tasks, kernels, pool.size()).run(pool, arena);
  arena.release(mark);
}

}  // namespace holdfast::cpu
