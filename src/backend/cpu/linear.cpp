#include "backend/cpu/linear.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "backend/cpu/backend_impl.h"
#include "base/check.h"

namespace holdfast::cpu {
namespace {

// Activation rows and panels of one work item: their sums are 8 x 512 x 16 x 4 bytes = 256 KiB, or,
// since packed weights take one block of rows at a time, a quarter of it.
constexpr int64_t kItemRows = 512, kManyPanels = 8;
// With few rows items may have more panels: their beginnings wait for memory.
constexpr int64_t kFewRows = 16, kFewPanels = 32;
static_assert(kFewRows * kFewPanels <= kItemRows * kManyPanels);

// Bytes of weights that make an item worth taking, with few rows.
constexpr int64_t kItemBytes = 16 << 10;

// Panels of a packed weight that are made on the way, when it still lies in its file: as many as
// kernels take at once.
constexpr int64_t kScratchPanels = 2;

// One x, quantized for one kind of weights.
struct Input {
  Mat x;
  QuantizedRows rows;
  int64_t first_item;  // of the quantizing work
  int64_t pieces;      // work items of each block
};

constexpr int64_t kPieceStrips = 64;  // strips that one work item quantizes

// One x, brought into the order of the float kernels.
struct FloatInput {
  Mat x;
  FloatRows rows;
  int64_t first_item, pieces;  // as above
};

// Items end with whole blocks, of fewer rows than this.
constexpr int64_t kBlockMargin = 16;
constexpr int64_t kPieceColumns = 2048;

// Weights [first panel, last panel) of a task times rows [first, last) (blocks for packed weights).
struct Item {
  int32_t task, input;
  int64_t panel, last_panel, first, last;
};

bool same_mat(const Mat& a, const Mat& b) {
  return a.data == b.data && a.rows == b.rows && a.cols == b.cols && a.stride == b.stride;
}

int64_t panels_of(const CpuWeight& weight) {
  const int64_t rows = weight.format() != nullptr ? kPanelRows : kFloatPanelRows;
  return (weight.rows() + rows - 1) / rows;
}

class Plan {
 public:
  Plan(std::span<const LinearTask> tasks, const Kernels& kernels, int threads)
      : tasks_(tasks), kernels_(kernels), threads_(threads) {
    int64_t bytes = 0;
    for (const LinearTask& task : tasks)
      bytes += panels_of(*task.weight) * task.weight->panel_size();
    item_bytes_ = std::min(kItemBytes, bytes / (threads * 8));
    for (std::size_t i = 0; i < tasks.size(); ++i) add(static_cast<int32_t>(i));
  }

  void run(ThreadPool& pool, Arena& arena);

 private:
  void add(int32_t index);
  int32_t input_for(const LinearTask& task);
  int32_t float_input_for(const LinearTask& task);
  void quantize(int64_t index) const;
  void arrange(int64_t index) const;
  void packed_item(const Item& item, float* acc, unsigned char* scratch) const;
  void packed_panels(const Item& item, const unsigned char* panels, float* acc) const;
  void float_item(const Item& item, float* acc, unsigned char* scratch) const;
  void store(const LinearTask& task, int64_t row, int64_t column, int64_t n,
             const float* sums) const;

  std::span<const LinearTask> tasks_;
  const Kernels& kernels_;
  const int threads_;
  int64_t item_bytes_ = 0;
  std::vector<Input> inputs_;
  std::vector<FloatInput> float_inputs_;
  std::vector<Item> items_;
  int64_t quantize_items_ = 0, arrange_items_ = 0;
};

void Plan::add(int32_t index) {
  const LinearTask& task = tasks_[static_cast<std::size_t>(index)];
  const CpuWeight& w = *task.weight;
  CHECK(task.x.cols == w.cols() && task.out.cols == w.rows() && task.x.rows == task.out.rows)
      << "linear: x [" << task.x.rows << ", " << task.x.cols << "], weight [" << w.rows() << ", "
      << w.cols() << "], out [" << task.out.rows << ", " << task.out.cols << "]";
  if (task.x.rows == 0) return;
  const bool packed = w.format() != nullptr;
  const int32_t input = packed ? input_for(task) : float_input_for(task);
  const auto i = static_cast<std::size_t>(input);
  const int64_t panel_rows = packed ? kPanelRows : kFloatPanelRows;
  // Enough panels that an item is worth taking, few enough that threads end together.
  const int64_t panels = panels_of(w);
  const bool few = task.x.rows <= kFewRows;
  const int64_t most = (few ? kFewPanels : kManyPanels) * kPanelRows / panel_rows;
  const int64_t least = few ? std::min(most, item_bytes_ / w.panel_size() / 2 * 2) : 0;
  const int64_t grain = std::clamp<int64_t>(panels / (threads_ * 8) / 2 * 2,
                                            std::max(least, std::min<int64_t>(2, most)), most);
  const int64_t rows = packed ? inputs_[i].rows.blocks : float_inputs_[i].rows.blocks;
  const int64_t groups = (task.x.rows + kItemRows - 1) / kItemRows;
  const int64_t rows_step = packed ? kItemRows / kQuantizedBlockRows : (rows + groups - 1) / groups;
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
    if (same_mat(input.x, task.x) && input.rows.aux == aux &&
        input.rows.minimum == format.minimum && input.rows.offset == offset) {
      return static_cast<int32_t>(i);
    }
  }
  const int64_t rows = task.x.rows;
  const int64_t blocks = (rows + kQuantizedBlockRows - 1) / kQuantizedBlockRows;
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

int32_t Plan::float_input_for(const LinearTask& task) {
  const bool bf16 = kernels_.bf16_products && task.weight->type() == DType::kBF16;
  for (auto i = std::ssize(float_inputs_) - 1; i >= 0; --i) {
    const FloatInput& input = float_inputs_[static_cast<std::size_t>(i)];
    if (same_mat(input.x, task.x) && input.rows.bf16 == bf16) return static_cast<int32_t>(i);
  }
  const int64_t rows = task.x.rows, columns = (task.x.cols + 3) / 4 * 4;
  const int64_t blocks = (rows + kernels_.float_block_rows - 1) / kernels_.float_block_rows;
  const int64_t pieces = (columns + kPieceColumns - 1) / kPieceColumns;
  float_inputs_.push_back({task.x,
                           {nullptr, rows, columns, static_cast<int32_t>(blocks), bf16},
                           arrange_items_,
                           pieces});
  arrange_items_ += blocks * pieces;
  return static_cast<int32_t>(float_inputs_.size()) - 1;
}

void Plan::quantize(int64_t index) const {
  const auto after = std::ranges::upper_bound(inputs_, index, {}, &Input::first_item);
  const Input& input = *(after - 1);
  const int64_t block = (index - input.first_item) / input.pieces;
  const int64_t begin = (index - input.first_item) % input.pieces * kPieceStrips;
  const int64_t end = std::min(begin + kPieceStrips, input.x.cols / kStripColumns);
  kernels_.quantize(row_of(input.x, input.rows.first_row(block)), input.x.stride, input.rows,
                    static_cast<int32_t>(block), begin, end);
}

void Plan::arrange(int64_t index) const {
  const auto after = std::ranges::upper_bound(float_inputs_, index, {}, &FloatInput::first_item);
  const FloatInput& input = *(after - 1);
  const int64_t block = (index - input.first_item) / input.pieces;
  const int64_t begin = (index - input.first_item) % input.pieces * kPieceColumns;
  kernels_.float_rows(row_of(input.x, input.rows.first_row(block)), input.x.stride, input.x.cols,
                      input.rows, static_cast<int32_t>(block), begin,
                      std::min(begin + kPieceColumns, input.rows.columns));
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
  const CpuWeight& w = *tasks_[static_cast<std::size_t>(item.task)].weight;
  if (w.panels() != nullptr) {
    packed_panels(item, w.panels() + item.panel * w.panel_size(), acc);
    return;
  }
  // Still in its file: two panels at a time, made in the cache and used for all rows at once.
  for (int64_t panel = item.panel; panel < item.last_panel; panel += kScratchPanels) {
    Item part = item;
    part.panel = panel;
    part.last_panel = std::min(panel + kScratchPanels, item.last_panel);
    for (int64_t i = part.panel; i < part.last_panel; ++i) {
      w.make_panel(kernels_, i, scratch + (i - panel) * w.panel_size());
    }
    packed_panels(part, scratch, acc);
  }
}

void Plan::packed_panels(const Item& item, const unsigned char* panels, float* acc) const {
  const LinearTask& task = tasks_[static_cast<std::size_t>(item.task)];
  const CpuWeight& w = *task.weight;
  const QuantizedRows& x = inputs_[static_cast<std::size_t>(item.input)].rows;
  for (int64_t block = item.first; block < item.last; ++block) {
    kernels_.packed_panels({.format = w.format(),
                            .panels = panels,
                            .panel_bytes = w.panel_size(),
                            .panel_count = static_cast<int32_t>(item.last_panel - item.panel),
                            .columns = w.cols(),
                            .x = &x,
                            .block = static_cast<int32_t>(block),
                            .acc = acc});
    const int64_t first = x.first_row(block), last = x.first_row(block + 1);
    const float* sums = acc;
    for (int64_t panel = item.panel; panel < item.last_panel; ++panel) {
      const int64_t column = panel * kPanelRows;
      const int64_t n = std::min<int64_t>(kPanelRows, w.rows() - column);
      for (int64_t r = first; r < last; ++r, sums += kPanelRows) store(task, r, column, n, sums);
    }
  }
}

void Plan::float_item(const Item& item, float* acc, unsigned char* scratch) const {
  const LinearTask& task = tasks_[static_cast<std::size_t>(item.task)];
  const CpuWeight& w = *task.weight;
  const TensorView& view = w.view();
  const FloatRows& x = float_inputs_[static_cast<std::size_t>(item.input)].rows;
  const auto row_size = static_cast<int64_t>(row_bytes(w.type(), static_cast<uint64_t>(w.cols())));
  const int64_t first_row = item.panel * kFloatPanelRows;
  FloatWork work{.format = w.float_format(),
                 .row_bytes = row_size,
                 .weight_rows = std::min(item.last_panel * kFloatPanelRows, w.rows()) - first_row,
                 .columns = w.cols(),
                 .scale_block = view.scale_block,
                 .first_row = first_row,
                 .x = &x,
                 .first_block = static_cast<int32_t>(item.first),
                 .last_block = static_cast<int32_t>(item.last),
                 .acc = acc,
                 .scratch = scratch};
  if (w.panels() != nullptr) {
    work.panels = w.panels() + item.panel * w.panel_size();
  } else {
    work.rows = reinterpret_cast<const unsigned char*>(view.bytes.data()) + first_row * row_size;
  }
  if (view.scale_block > 0) {
    work.scales = view.scales.data();
    work.scale_stride = (w.cols() + view.scale_block - 1) / view.scale_block;
  }
  kernels_.float_panels(work);
  const int64_t first = x.first_row(item.first), rows = x.first_row(item.last) - first;
  for (int64_t panel = item.panel; panel < item.last_panel; ++panel) {
    const int64_t column = panel * kFloatPanelRows;
    const int64_t n = std::min<int64_t>(kFloatPanelRows, w.rows() - column);
    for (int64_t r = 0; r < rows; ++r, acc += kFloatPanelRows) {
      store(task, first + r, column, n, acc);
    }
  }
}

void Plan::run(ThreadPool& pool, Arena& arena) {
  if (items_.empty()) return;
  for (Input& input : inputs_) {
    input.rows.data = arena.array<unsigned char>(input.rows.columns / kStripColumns *
                                                 input.rows.rows * input.rows.record_bytes());
  }
  for (FloatInput& input : float_inputs_) {
    input.rows.data = arena.array<unsigned char>(4 * input.rows.words() * input.rows.rows);
  }
  int64_t rows = 0, scratch = kFloatScratch / 4;
  for (const LinearTask& task : tasks_) {
    rows = std::max(rows, task.x.rows);
    if (task.weight->format() == nullptr || task.weight->panels() != nullptr) continue;
    scratch = std::max(scratch, kScratchPanels * ((task.weight->panel_size() + 63) / 64 * 16));
  }
  const int64_t panels = rows <= kFewRows ? kFewPanels : kManyPanels;
  const int64_t acc = std::min(rows, kItemRows + kBlockMargin) * panels * kPanelRows;
  float* const memory = arena.array<float>((acc + scratch) * threads_);

  WorkQueue preparing(quantize_items_ + arrange_items_), multiplying(std::ssize(items_));
  pool.run([&](int thread) {
    int64_t i, end;
    while (preparing.take(&i, &end)) {
      if (i < quantize_items_) {
        quantize(i);
      } else {
        arrange(i - quantize_items_);
      }
    }
    pool.barrier();
    float* const my_acc = memory + (acc + scratch) * thread;
    auto* const my_scratch = reinterpret_cast<unsigned char*>(my_acc + acc);
    while (multiplying.take(&i, &end)) {
      const Item& item = items_[static_cast<std::size_t>(i)];
      if (tasks_[static_cast<std::size_t>(item.task)].weight->format() == nullptr) {
        float_item(item, my_acc, my_scratch);
      } else {
        packed_item(item, my_acc, my_scratch);
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
